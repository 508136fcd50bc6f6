// The brush: strokes over the mask, in pixels of the picture. A stroke that is done never changes: undo keeps the lists themselves.

export class Brush {
  // changed(): a stroke is done.
  constructor(stage, changed) {
    Object.assign(this, { stage, changed });
  }

  begin(at, add) {
    this.stage.stroke = { add, size: this.stage.brush, points: [at] };
    this.show(0);
  }

  point(at) {
    const { points } = this.stage.stroke;
    points.push(at);
    this.show(points.length - 1);
  }

  end() {
    const { stage } = this;
    stage.strokes = [...stage.strokes, stage.stroke];
    stage.stroke = null;
    this.changed();
  }

  // A second finger came: that was no stroke.
  cancel() {
    this.stage.stroke = null;
    this.stage.shape.again(this.stage.strokes);
    this.stage.draw();
  }

  show(from) {
    const { stage } = this;
    if (!stage.result) {
      stage.shape.add(stage.stroke, from);
      stage.overlay = true;
    }
    stage.draw();
  }
}
