// Pointers on the canvas: one finger or button does what the tool does, two fingers zoom and move, the wheel zooms.

import { handle } from './paint.js';

const STILL = 5; // CSS pixels: less is a click
const GRIP = 20; // CSS pixels around the line between before and after

export class Gesture {
  // tools: begin(at), point(at), end(at) of what the tool draws; draws(): does it draw now; click(at); split(percent).
  constructor(workspace, tools) {
    Object.assign(this, { workspace, tools, down: new Map(), act: null });
    const { canvas } = workspace;
    canvas.addEventListener('pointerdown', (event) => this.start(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', (event) => this.stop(event));
    canvas.addEventListener('pointercancel', (event) => this.stop(event, true));
    canvas.addEventListener('pointerleave', () => { workspace.hover = null; workspace.draw(); });
    canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
  }

  start(event) {
    if (!this.workspace.picture) return;
    this.workspace.canvas.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, this.workspace.place(event));
    if (this.down.size === 2) {
      this.drop();
      this.act = 'pinch';
    } else if (this.down.size === 1) {
      Object.assign(this, { from: this.workspace.place(event), moved: false, act: this.kind(event) });
      if (this.act === 'draw') this.tools.begin(this.workspace.at(event));
    }
    if (event.button === 1) event.preventDefault();
  }

  kind(event) {
    if (event.button === 1) return 'pan';
    if (this.grips(event)) return 'split';
    return this.tools.draws() ? 'draw' : 'pan';
  }

  // With a tool that draws, the handle alone moves the line: what lies beside the line is to be drawn on.
  grips(event) {
    const { workspace } = this;
    const [x, y] = workspace.place(event);
    return Boolean(workspace.result) && Math.abs(this.line() - x) < GRIP && (!this.tools.draws() || Math.abs(handle(workspace) - y) < GRIP);
  }

  line() {
    const { view, frame, split } = this.workspace;
    return view.x + (frame[0] + (frame[2] * split) / 100) * view.scale;
  }

  move(event) {
    const { workspace } = this;
    if (!workspace.picture) return;
    const now = workspace.place(event);
    const before = this.down.get(event.pointerId);
    if (!before) {
      this.hover(event);
      return;
    }
    this.moved ||= Math.hypot(now[0] - this.from[0], now[1] - this.from[1]) >= STILL;
    if (this.act === 'pinch') this.pinch(event.pointerId, now);
    else if (this.act === 'draw') this.tools.point(workspace.at(event));
    else if (this.act === 'split') this.slide(now[0]);
    else if (this.act === 'pan' && this.moved) this.pan(now[0] - before[0], now[1] - before[1]);
    this.down.set(event.pointerId, now);
  }

  hover(event) {
    const { workspace } = this;
    workspace.hover = event.pointerType === 'mouse' && workspace.brush ? workspace.at(event) : null;
    workspace.canvas.classList.toggle('grip', this.grips(event));
    this.tools.hover(workspace.at(event));
    if (workspace.brush) workspace.draw();
  }

  pan(dx, dy) {
    this.workspace.view.pan(dx, dy);
    this.workspace.draw();
  }

  slide(x) {
    const { view, frame } = this.workspace;
    this.tools.split(Math.min(100, Math.max(0, (((x - view.x) / view.scale - frame[0]) / frame[2]) * 100)));
  }

  pinch(id, now) {
    const other = [...this.down].find(([key]) => key !== id)?.[1];
    const old = this.down.get(id);
    if (!other) return;
    const apart = (a) => Math.max(1, Math.hypot(a[0] - other[0], a[1] - other[1]));
    this.workspace.view.pan((now[0] - old[0]) / 2, (now[1] - old[1]) / 2);
    this.workspace.view.zoom(apart(now) / apart(old), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    this.workspace.draw();
  }

  stop(event, cancelled = false) {
    if (!this.down.delete(event.pointerId)) return;
    if (cancelled) this.drop();
    else if (this.act === 'draw') this.tools.end(this.workspace.at(event));
    else if (this.act === 'pan' && !this.moved && event.button !== 1 && this.inside(event)) this.tools.click(this.workspace.at(event));
    if (this.act !== 'pinch' || !this.down.size) this.act = null;
  }

  inside(event) {
    const { view, width, height } = this.workspace;
    const [x, y] = view.picture(this.workspace.place(event));
    return x >= 0 && y >= 0 && x <= width && y <= height;
  }

  drop() {
    if (this.act === 'draw') this.tools.cancel();
    this.act = null;
  }

  wheel(event) {
    if (!this.workspace.picture) return;
    event.preventDefault();
    const lines = event.deltaMode ? 30 : 1;
    this.workspace.view.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018)), this.workspace.place(event));
    this.workspace.draw();
  }
}
