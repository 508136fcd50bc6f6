// The canvas and what is on it: picture, mask, result, faces, the user's points, box and strokes.

import * as paint from './paint.js';
import { Shape } from './shape.js';
import { View } from './view.js';

const SIDE = 1600; // pixels of the longer side of the small copy that a far view is drawn from

export class Workspace {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.sheet = document.createElement('canvas');
    this.shape = new Shape();
    this.view = new View();
    this.look = { view: 'overlay', opacity: 0.6, face: 'black', rest: 'white', changes: 'face' };
    this.split = 50;
    this.clear();
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  clear() {
    Object.assign(this, { picture: null, faces: [], chosen: new Set(), points: [], box: null, hide: [], strokes: [] });
    Object.assign(this, { rubber: null, left: [], overlay: false, result: null, blob: null, raw: null, cross: null, hover: null, stroke: null });
  }

  // A picture with its faces, all of them switched on, in place of the one before.
  put(bitmap, faces) {
    this.clear();
    Object.assign(this, { picture: bitmap, faces, chosen: new Set(faces.map((face) => face.face_id)) });
    this.width = bitmap.width;
    this.height = bitmap.height;
    this.frame = [0, 0, this.width, this.height];
    const scale = Math.min(1, SIDE / Math.max(this.width, this.height));
    this.small = document.createElement('canvas');
    this.small.width = Math.max(1, Math.round(this.width * scale));
    this.small.height = Math.max(1, Math.round(this.height * scale));
    const context = this.small.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, this.small.width, this.small.height);
    this.shape.clear(this.width, this.height);
    this.view.fitted = true;
    this.resize();
  }

  // The mask as the service drew it. Answers with its share of the picture.
  async setMask(blob) {
    const share = await this.shape.set(blob, this.strokes);
    this.overlay = true;
    this.draw();
    return share;
  }

  noMask() {
    this.shape.empty(this.strokes);
    this.overlay = this.strokes.length > 0;
    this.draw();
  }

  // A result picture; ``frame`` [x, y, width, height] says which part of the picture it shows, null for all of it.
  async setResult(blob, frame) {
    const result = blob && (await createImageBitmap(blob));
    this.blob = blob;
    this.result = result;
    this.frame = frame || [0, 0, this.width, this.height];
    this.resize();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    const u = paint.unit();
    const [w, h] = [Math.round(width * u), Math.round(height * u)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    if (!this.picture) return;
    const all = [0, 0, this.width, this.height];
    this.view.place(width, height, this.result ? this.frame : all, all);
    this.draw();
  }

  draw() {
    if (!this.picture) return;
    paint.clear(this);
    if (this.result) paint.result(this);
    else paint.picture(this);
    if (this.overlay && !this.result) paint.VIEWS[this.look.view](this);
    paint.faces(this);
    if (this.result) paint.divider(this);
    paint.box(this);
    paint.hidden(this);
    paint.points(this);
    paint.pointer(this);
    const { scale, x, y, percent } = this.view;
    Object.assign(this.canvas.dataset, { scale, x, y, width: this.width, height: this.height });
    this.zoomed?.(percent);
  }

  // Where a pointer is, in pixels of the picture, not beyond its edges.
  at(event) {
    const clamp = (v, most) => Math.min(most - 1, Math.max(0, Math.round(v)));
    const [x, y] = this.view.picture(this.place(event));
    return [clamp(x, this.width), clamp(y, this.height)];
  }

  // Where a pointer is on the canvas.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  faceAt([x, y]) {
    const hits = this.faces.filter(({ bbox: b }) => x >= b.x && y >= b.y && x < b.x + b.width && y < b.y + b.height);
    hits.sort((a, b) => a.bbox.width * a.bbox.height - b.bbox.width * b.bbox.height);
    return hits.length ? hits[0].face_id : null;
  }
}
