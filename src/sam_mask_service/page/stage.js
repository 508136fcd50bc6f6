// The canvas: picture, mask laid over it, boxes with numbers, points, a keyboard cross, and before/after.

const SIDE = 1400; // pixels of the canvas's longer side at most: what is shown, not what is computed
const TINT = [255, 64, 96];
const COLOURS = { on: '#ffd23f', off: '#d7dde5', add: '#18c964', remove: '#ff3b30' };

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.layer = document.createElement('canvas');
    this.clear();
  }

  clear() {
    Object.assign(this, { picture: null, faces: [], chosen: new Set(), points: [], box: null, rubber: null, overlay: false, result: null, split: 50, cross: null });
  }

  // A picture with its faces, all of them switched on, in place of the one before.
  put(bitmap, faces) {
    this.clear();
    Object.assign(this, { picture: bitmap, faces, chosen: new Set(faces.map((face) => face.face_id)) });
    this.width = bitmap.width;
    this.height = bitmap.height;
    this.scale = Math.min(1, SIDE / Math.max(this.width, this.height));
    this.small = document.createElement('canvas');
    for (const c of [this.canvas, this.layer, this.small]) {
      c.width = Math.max(1, Math.round(this.width * this.scale));
      c.height = Math.max(1, Math.round(this.height * this.scale));
    }
    const context = this.small.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, this.small.width, this.small.height);
  }

  // A grey mask picture (white = face) becomes a tint on the faces and a veil on the rest.
  async setMask(blob) {
    const bitmap = await createImageBitmap(blob);
    const { width, height } = this.layer;
    const context = this.layer.getContext('2d', { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    const image = context.getImageData(0, 0, width, height);
    const data = image.data;
    let inside = 0;
    for (let i = 0; i < data.length; i += 4) {
      const face = data[i];
      inside += face;
      data[i] = (TINT[0] * face) >> 8;
      data[i + 1] = (TINT[1] * face) >> 8;
      data[i + 2] = (TINT[2] * face) >> 8;
      data[i + 3] = 96 + (face >> 4);
    }
    context.putImageData(image, 0, 0);
    this.overlay = true;
    this.draw();
    return inside / 255 / (width * height);
  }

  // A result picture; ``frame`` [x, y, width, height] says which part of the picture it shows, null for all of it.
  async setResult(blob, frame) {
    this.result = blob && (await createImageBitmap(blob));
    this.frame = frame || [0, 0, this.width, this.height];
    this.draw();
  }

  draw() {
    if (!this.picture) return;
    if (this.result) return this.drawResult();
    this.size(this.small.width, this.small.height);
    this.context.drawImage(this.small, 0, 0);
    if (this.overlay) this.context.drawImage(this.layer, 0, 0);
    this.drawFaces();
    this.drawBox();
    this.drawPoints();
  }

  size(width, height) {
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.context.clearRect(0, 0, width, height);
  }

  // Before on the left of the split, after on the right.
  drawResult() {
    const { context, result, frame: [x, y, width, height] } = this;
    const scale = Math.min(1, SIDE / Math.max(result.width, result.height));
    const [w, h] = [result.width, result.height].map((side) => Math.max(1, Math.round(side * scale)));
    this.size(w, h);
    const edge = (w * (100 - this.split)) / 100;
    const half = (from, to, draw) => {
      context.save();
      context.beginPath();
      context.rect(from, 0, to - from, h);
      context.clip();
      draw();
      context.restore();
    };
    const [sx, sy] = [w / width, h / height];
    half(0, edge, () => context.drawImage(this.small, -x * sx, -y * sy, this.width * sx, this.height * sy));
    half(edge, w, () => context.drawImage(result, 0, 0, w, h));
    if (edge > 0 && edge < w) {
      context.fillStyle = '#fff';
      context.fillRect(edge - 1, 0, 2, h);
    }
  }

  drawFaces() {
    const { context, scale } = this;
    const unit = this.unit();
    context.font = `600 ${Math.round(15 * unit)}px system-ui, sans-serif`;
    context.textBaseline = 'top';
    for (const { face_id: id, bbox } of this.faces) {
      const on = this.chosen.has(id);
      context.lineWidth = 2.5 * unit;
      context.strokeStyle = on ? COLOURS.on : COLOURS.off;
      context.setLineDash(on ? [] : [6 * unit, 5 * unit]);
      context.strokeRect(bbox.x * scale, bbox.y * scale, bbox.width * scale, bbox.height * scale);
      const label = on ? `${id + 1}` : `${id + 1} off`;
      const width = context.measureText(label).width + 10 * unit;
      const y = Math.max(0, bbox.y * scale - 21 * unit);
      context.fillStyle = on ? COLOURS.on : COLOURS.off;
      context.fillRect(bbox.x * scale, y, width, 20 * unit);
      context.fillStyle = '#111';
      context.fillText(label, bbox.x * scale + 5 * unit, y + 3 * unit);
    }
    context.setLineDash([]);
  }

  // The user's box, or the one that is being drawn.
  drawBox() {
    const box = this.rubber || this.box;
    if (!box) return;
    const unit = this.unit();
    this.context.lineWidth = 2.5 * unit;
    this.context.strokeStyle = COLOURS.add;
    this.context.setLineDash(this.rubber ? [6 * unit, 5 * unit] : []);
    this.context.strokeRect(...box.map((v) => v * this.scale));
    this.context.setLineDash([]);
  }

  drawPoints() {
    const { context, scale } = this;
    const unit = this.unit();
    for (const [x, y, sign] of this.points) {
      context.beginPath();
      context.arc(x * scale, y * scale, 8 * unit, 0, 2 * Math.PI);
      context.fillStyle = sign ? COLOURS.add : COLOURS.remove;
      context.fill();
      context.lineWidth = 2 * unit;
      context.strokeStyle = '#fff';
      context.stroke();
      context.beginPath();
      context.moveTo((x * scale) - 4 * unit, y * scale);
      context.lineTo((x * scale) + 4 * unit, y * scale);
      if (sign) {
        context.moveTo(x * scale, (y * scale) - 4 * unit);
        context.lineTo(x * scale, (y * scale) + 4 * unit);
      }
      context.stroke();
    }
    if (!this.cross) return;
    const [x, y] = this.cross.map((v) => v * scale);
    context.lineWidth = 2 * unit;
    for (const [colour, dash] of [['#000', []], ['#fff', [4 * unit, 4 * unit]]]) {
      context.setLineDash(dash);
      context.strokeStyle = colour;
      context.beginPath();
      context.moveTo(x - 14 * unit, y);
      context.lineTo(x + 14 * unit, y);
      context.moveTo(x, y - 14 * unit);
      context.lineTo(x, y + 14 * unit);
      context.stroke();
    }
    context.setLineDash([]);
  }

  // Canvas pixels per CSS pixel, so that lines and letters look the same at every size.
  unit() {
    return this.canvas.clientWidth ? this.canvas.width / this.canvas.clientWidth : 1;
  }

  // Where a pointer is, in pixels of the picture.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const clamp = (v, most) => Math.min(most - 1, Math.max(0, Math.round(v)));
    return [
      clamp(((event.clientX - box.left) / box.width) * this.width, this.width),
      clamp(((event.clientY - box.top) / box.height) * this.height, this.height),
    ];
  }

  faceAt([x, y]) {
    const hits = this.faces.filter(({ bbox: b }) => x >= b.x && y >= b.y && x < b.x + b.width && y < b.y + b.height);
    hits.sort((a, b) => a.bbox.width * a.bbox.height - b.bbox.width * b.bbox.height);
    return hits.length ? hits[0].face_id : null;
  }
}
