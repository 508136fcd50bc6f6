// Pointers on the canvas: one finger or button does what the tool does, two fingers zoom and move, the wheel zooms.

const STILL = 5; // CSS pixels: less is a click
const GRIP = 20; // CSS pixels around the line between before and after

export class Gesture {
  // hand: begin(at), point(at), end(at) of what the tool draws; draws(): does it draw now; click(at); split(percent).
  constructor(stage, hand) {
    Object.assign(this, { stage, hand, down: new Map(), act: null });
    const { canvas } = stage;
    canvas.addEventListener('pointerdown', (event) => this.start(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', (event) => this.stop(event));
    canvas.addEventListener('pointercancel', (event) => this.stop(event, true));
    canvas.addEventListener('pointerleave', () => { stage.hover = null; stage.draw(); });
    canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
  }

  start(event) {
    if (!this.stage.picture) return;
    this.stage.canvas.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, this.stage.place(event));
    if (this.down.size === 2) {
      this.drop();
      this.act = 'pinch';
    } else if (this.down.size === 1) {
      Object.assign(this, { from: this.stage.place(event), moved: false, act: this.kind(event) });
      if (this.act === 'draw') this.hand.begin(this.stage.at(event));
    }
    if (event.button === 1) event.preventDefault();
  }

  kind(event) {
    if (event.button === 1) return 'pan';
    if (this.stage.result && Math.abs(this.line() - this.stage.place(event)[0]) < GRIP) return 'split';
    return this.hand.draws() ? 'draw' : 'pan';
  }

  line() {
    const { view, frame, split } = this.stage;
    return view.x + (frame[0] + (frame[2] * split) / 100) * view.scale;
  }

  move(event) {
    const { stage } = this;
    if (!stage.picture) return;
    const now = stage.place(event);
    const before = this.down.get(event.pointerId);
    if (!before) {
      this.hover(event);
      return;
    }
    this.moved ||= Math.hypot(now[0] - this.from[0], now[1] - this.from[1]) >= STILL;
    if (this.act === 'pinch') this.pinch(event.pointerId, now);
    else if (this.act === 'draw') this.hand.point(stage.at(event));
    else if (this.act === 'split') this.slide(now[0]);
    else if (this.act === 'pan' && this.moved) this.pan(now[0] - before[0], now[1] - before[1]);
    this.down.set(event.pointerId, now);
  }

  hover(event) {
    const { stage } = this;
    stage.hover = event.pointerType === 'mouse' && stage.brush ? stage.at(event) : null;
    stage.canvas.classList.toggle('grip', Boolean(stage.result) && Math.abs(this.line() - stage.place(event)[0]) < GRIP);
    this.hand.hover(stage.at(event));
    if (stage.brush) stage.draw();
  }

  pan(dx, dy) {
    this.stage.view.pan(dx, dy);
    this.stage.draw();
  }

  slide(x) {
    const { view, frame } = this.stage;
    this.hand.split(Math.min(100, Math.max(0, (((x - view.x) / view.scale - frame[0]) / frame[2]) * 100)));
  }

  pinch(id, now) {
    const other = [...this.down].find(([key]) => key !== id)?.[1];
    const old = this.down.get(id);
    if (!other) return;
    const apart = (a) => Math.max(1, Math.hypot(a[0] - other[0], a[1] - other[1]));
    this.stage.view.pan((now[0] - old[0]) / 2, (now[1] - old[1]) / 2);
    this.stage.view.zoom(apart(now) / apart(old), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    this.stage.draw();
  }

  stop(event, cancelled = false) {
    if (!this.down.delete(event.pointerId)) return;
    if (cancelled) this.drop();
    else if (this.act === 'draw') this.hand.end(this.stage.at(event));
    else if (this.act === 'pan' && !this.moved && event.button !== 1 && this.inside(event)) this.hand.click(this.stage.at(event));
    if (this.act !== 'pinch' || !this.down.size) this.act = null;
  }

  inside(event) {
    const { view, width, height } = this.stage;
    const [x, y] = view.picture(this.stage.place(event));
    return x >= 0 && y >= 0 && x <= width && y <= height;
  }

  drop() {
    if (this.act === 'draw') this.hand.cancel();
    this.act = null;
  }

  wheel(event) {
    if (!this.stage.picture) return;
    event.preventDefault();
    const lines = event.deltaMode ? 30 : 1;
    this.stage.view.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018)), this.stage.place(event));
    this.stage.draw();
  }
}
