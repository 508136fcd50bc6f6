// A box around what was not found: dragged, or set by two corners (two clicks, or Enter twice at the cross).

const SMALLEST = 4; // pixels of the picture: less is a click, not a box

export class BoxTool {
  // done(box): [x, y, width, height] in pixels of the picture.
  constructor(workspace, done) {
    Object.assign(this, { workspace, done, corner: null, from: null });
  }

  begin(at) { this.from = at; }

  // The free corner is here now.
  point(at) {
    if (this.from || this.corner) this.show(span(this.from || this.corner, at));
  }

  // Answers whether that was a box.
  end(at) {
    const box = span(this.from, at);
    this.from = null;
    return this.finish(box);
  }

  // A corner by click or key.
  set(at) {
    if (this.corner) this.finish(span(this.corner, at));
    else this.corner = at;
  }

  finish(box) {
    if (Math.min(box[2], box[3]) < SMALLEST) return false;
    this.cancel();
    this.done(box);
    return true;
  }

  cancel() {
    this.from = null;
    this.corner = null;
    this.show(null);
  }

  show(box) {
    this.workspace.rubber = box;
    this.workspace.draw();
  }
}

const span = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])];
