// A box around what was not found: dragged, or set by two corners (two clicks, or Enter twice at the cross).

const SMALLEST = 4; // pixels of the picture: less is a click, not a box

export class BoxTool {
  constructor(stage, active, done) {
    Object.assign(this, { stage, active, done, corner: null, dragged: false });
    const { canvas } = stage;
    canvas.addEventListener('pointerdown', (event) => {
      this.dragged = false;
      if (!active() || stage.result || !event.isPrimary) return;
      this.from = stage.at(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => this.point(stage.at(event)));
    canvas.addEventListener('pointerup', (event) => {
      const box = this.from && span(this.from, stage.at(event));
      this.from = null;
      if (!box || Math.min(box[2], box[3]) < SMALLEST) return;
      this.dragged = true; // the click that follows belongs to it
      this.finish(box);
    });
    canvas.addEventListener('pointercancel', () => this.cancel());
  }

  // The free corner is here now.
  point(at) {
    if (this.from || this.corner) this.show(span(this.from || this.corner, at));
  }

  // A corner by click or key.
  set(at) {
    if (this.dragged) return;
    if (!this.corner) {
      this.corner = at;
      return;
    }
    const box = span(this.corner, at);
    if (Math.min(box[2], box[3]) >= SMALLEST) this.finish(box);
  }

  cancel() {
    this.from = null;
    this.corner = null;
    this.show(null);
  }

  show(box) {
    this.stage.rubber = box;
    this.stage.draw();
  }

  finish(box) {
    this.stage.box = box;
    this.cancel();
    this.done();
  }
}

const span = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])];
