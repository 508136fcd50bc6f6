// The brush: strokes over the mask, in pixels of the picture. A stroke that is done never changes: undo keeps the lists themselves.

export class Brush {
  // changed(): a stroke is done.
  constructor(workspace, changed) {
    Object.assign(this, { workspace, changed });
  }

  begin(at, add) {
    this.workspace.stroke = { add, size: this.workspace.brush, points: [at] };
    this.show(0);
  }

  point(at) {
    const { points } = this.workspace.stroke;
    points.push(at);
    this.show(points.length - 1);
  }

  end() {
    const { workspace } = this;
    workspace.strokes = [...workspace.strokes, workspace.stroke];
    workspace.stroke = null;
    this.changed();
  }

  // A second finger came: that was no stroke.
  cancel() {
    this.workspace.stroke = null;
    this.workspace.shape.again(this.workspace.strokes);
    this.workspace.draw();
  }

  show(from) {
    const { workspace } = this;
    if (!workspace.result) {
      workspace.shape.add(workspace.stroke, from);
      workspace.overlay = true;
    }
    workspace.draw();
  }
}
