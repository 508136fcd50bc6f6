// Which part of the picture the canvas shows: zoom and place. All lengths are CSS pixels; the picture's own are "picture pixels".

const MOST = 16; // times 100 %
const NEAR = 0.002;

export class View {
  constructor() {
    Object.assign(this, { scale: 1, x: 0, y: 0, width: 1, height: 1, rect: [0, 0, 1, 1], all: [0, 0, 1, 1], fitted: true });
  }

  // The canvas is so large now; ``rect`` of the picture is what a fit shows, ``all`` what can be reached.
  place(width, height, rect, all) {
    Object.assign(this, { width: Math.max(1, width), height: Math.max(1, height), rect, all: around(rect, all) });
    if (this.fitted) this.fit();
    else this.keep();
  }

  least([, , width, height] = this.rect) {
    return Math.min(this.width / width, this.height / height);
  }

  fit() {
    this.scale = this.least();
    this.fitted = true;
    this.keep();
  }

  // ``factor`` times as large around a point of the canvas.
  zoom(factor, at = [this.width / 2, this.height / 2]) {
    const most = Math.max(MOST / devicePixelRatio, this.least());
    const scale = Math.min(most, Math.max(Math.min(this.least(this.all), 1 / devicePixelRatio), this.scale * factor));
    const [px, py] = this.picture(at);
    Object.assign(this, { scale, x: at[0] - px * scale, y: at[1] - py * scale, fitted: Math.abs(scale / this.least() - 1) < NEAR });
    this.keep();
  }

  // A picture pixel for a pixel of the screen.
  whole() {
    this.zoom(1 / devicePixelRatio / this.scale);
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.keep();
  }

  // Brings a picture's point into sight.
  show([px, py]) {
    const edge = 40;
    const [x, y] = [this.x + px * this.scale, this.y + py * this.scale];
    this.pan(Math.max(0, edge - x) - Math.max(0, x - this.width + edge), Math.max(0, edge - y) - Math.max(0, y - this.height + edge));
  }

  // What is smaller than the canvas stands in its middle; what is larger leaves no gap.
  keep() {
    const [rx, ry, rw, rh] = this.fitted ? this.rect : this.all;
    const along = (place, start, length, room) => {
      const size = length * this.scale;
      const low = room - (start + length) * this.scale;
      return size <= room ? (room - size) / 2 - start * this.scale : Math.min(-start * this.scale, Math.max(low, place));
    };
    this.x = along(this.x, rx, rw, this.width);
    this.y = along(this.y, ry, rh, this.height);
  }

  picture([x, y]) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  get percent() {
    return Math.round(this.scale * devicePixelRatio * 100);
  }
}

// The smallest rectangle that holds both.
function around([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const [x, y] = [Math.min(ax, bx), Math.min(ay, by)];
  return [x, y, Math.max(ax + aw, bx + bw) - x, Math.max(ay + ah, by + bh) - y];
}
