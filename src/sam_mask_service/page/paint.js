// What stands on the canvas, layer by layer. ``workspace.view`` places everything; lines and letters keep their size at every zoom.

import { checks, stripes, tile } from './patterns.js';
import { trace } from './shape.js';

const TINT = '#ff2d6b';
const VEIL = '#05080c';
const COLOURS = { on: '#ffd23f', off: '#d7dde5', add: '#18c964', remove: '#ff3b30' };

const place = ({ view: { scale, x, y } }, unit) => [scale * unit, 0, 0, scale * unit, x * unit, y * unit];
const screen = ({ view: { scale, x, y } }, [px, py]) => [px * scale + x, py * scale + y];
export const unit = () => devicePixelRatio || 1;

function world(context, workspace) { context.setTransform(...place(workspace, unit())); }
function pixels(context) { context.setTransform(unit(), 0, 0, unit(), 0, 0); }

export function clear(workspace) {
  const { context, canvas } = workspace;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
}

export function picture(workspace, context = workspace.context) {
  world(context, workspace);
  context.imageSmoothingEnabled = workspace.view.scale * unit() < 3;
  context.imageSmoothingQuality = 'high';
  const source = workspace.view.scale * unit() > workspace.small.width / workspace.width ? workspace.picture : workspace.small;
  context.drawImage(source, 0, 0, workspace.width, workspace.height);
}

function mask(workspace, context) {
  world(context, workspace);
  context.imageSmoothingEnabled = true;
  context.drawImage(workspace.shape.canvas, 0, 0, workspace.width, workspace.height);
}

// ``fill`` where the mask is, or (``outside``) where it is not, as a sheet to lay over the canvas.
function stencil(workspace, fill, outside) {
  const { sheet, canvas } = workspace;
  Object.assign(sheet, { width: canvas.width, height: canvas.height });
  const context = sheet.getContext('2d');
  const all = () => { world(context, workspace); context.fillStyle = fill; context.fillRect(0, 0, workspace.width, workspace.height); };
  if (outside) all();
  else mask(workspace, context);
  context.globalCompositeOperation = outside ? 'destination-out' : 'source-in';
  if (outside) mask(workspace, context);
  else all();
  return sheet;
}

function lay(workspace, sheet, alpha = 1) {
  const { context } = workspace;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = alpha;
  context.drawImage(sheet, 0, 0);
  context.globalAlpha = 1;
}

// A pattern that keeps its size on the screen at every zoom.
function fixed(workspace, draw, side) {
  const made = workspace.context.createPattern(tile(draw, Math.round(side * unit())), 'repeat');
  made.setTransform(new DOMMatrix(place(workspace, unit())).inverse());
  return made;
}

// The views of a mask. ``workspace.look``: { view, opacity 0…1, face, rest } with what the file has there: black, white, transparent, opaque.
export const VIEWS = {
  overlay(workspace) {
    const { opacity } = workspace.look;
    lay(workspace, stencil(workspace, VEIL, true), Math.min(1, opacity * 0.75));
    lay(workspace, stencil(workspace, TINT, false), Math.min(1, opacity * 0.9));
  },
  mask(workspace) {
    const { face, rest } = workspace.look;
    for (const [kind, outside] of [[rest, true], [face, false]]) {
      if (kind !== 'opaque') lay(workspace, stencil(workspace, kind === 'transparent' ? fixed(workspace, checks, 16) : kind, outside));
    }
  },
  repaint(workspace) {
    lay(workspace, stencil(workspace, fixed(workspace, stripes, 12), workspace.look.changes === 'rest'));
  },
  picture() {},
};

// Before on the left of the line, after on the right.
export function result(workspace) {
  const { context, frame: [x, y, w, h], split } = workspace;
  const edge = x + (w * split) / 100;
  context.globalAlpha = 0.22;
  picture(workspace);
  context.globalAlpha = 1;
  const part = (from, to, draw) => {
    context.save();
    world(context, workspace);
    context.beginPath();
    context.rect(from, y, to - from, h);
    context.clip();
    context.clearRect(from, y, to - from, h);
    draw();
    context.restore();
  };
  part(x, edge, () => picture(workspace));
  part(edge, x + w, () => {
    context.fillStyle = fixed(workspace, checks, 16);
    context.fillRect(x, y, w, h);
    context.drawImage(workspace.result, x, y, w, h);
  });
  if (workspace.stroke) stroke(workspace);
}

function stroke(workspace) {
  const { context, view: { scale, x, y } } = workspace;
  const u = unit();
  context.globalAlpha = 0.55;
  trace(context, workspace.stroke, workspace.stroke.add ? COLOURS.add : COLOURS.remove, [scale * u, scale * u, x * u, y * u]);
  context.globalAlpha = 1;
}

// From where to where the line between before and after is seen.
function reach({ view, frame: [, top, , height] }) {
  const low = view.y + top * view.scale;
  return [Math.max(0, low), Math.min(view.height, low + height * view.scale)];
}

// The height at which the line has its handle.
export const handle = (workspace) => reach(workspace).reduce((low, high) => (low + high) / 2);

// The line between before and after, with its handle.
export function divider(workspace) {
  const { context, frame: [fx, fy, fw], split } = workspace;
  const [x] = screen(workspace, [fx + (fw * split) / 100, fy]);
  const [low, high] = reach(workspace);
  const middle = handle(workspace);
  pixels(context);
  Object.assign(context, { fillStyle: '#fff', strokeStyle: '#0008', lineWidth: 1 });
  context.fillRect(x - 1.5, low, 3, high - low);
  context.beginPath();
  context.arc(x, middle, 17, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.fillStyle = '#111';
  context.beginPath();
  for (const side of [-1, 1]) {
    context.moveTo(x + side * 11, middle);
    context.lineTo(x + side * 4, middle - 5);
    context.lineTo(x + side * 4, middle + 5);
  }
  context.fill();
}

export function faces(workspace) {
  const { context, view: { scale } } = workspace;
  pixels(context);
  context.font = '600 14px system-ui, sans-serif';
  context.textBaseline = 'top';
  for (const { face_id: id, bbox: b } of workspace.faces) {
    const on = workspace.chosen.has(id);
    const [x, y] = screen(workspace, [b.x, b.y]);
    const label = on ? `${id + 1}` : `${id + 1} off`;
    const width = context.measureText(label).width + 10;
    const top = Math.max(0, y - 20);
    Object.assign(context, { lineWidth: 2, strokeStyle: on ? COLOURS.on : COLOURS.off, fillStyle: on ? COLOURS.on : COLOURS.off });
    context.setLineDash(on ? [] : [6, 5]);
    if (!on || !workspace.result) context.strokeRect(x, y, b.width * scale, b.height * scale); // a result is to be seen
    context.fillRect(x - 1, top, width, 20);
    context.fillStyle = '#111';
    context.fillText(label, x + 4, top + 3);
  }
  context.setLineDash([]);
}

// The user's box, or the one that is being drawn.
export function box(workspace) {
  const { context, view: { scale } } = workspace;
  const shown = workspace.rubber || (workspace.hides ? null : workspace.box);
  if (!shown) return;
  pixels(context);
  Object.assign(context, { lineWidth: 2.5, strokeStyle: COLOURS.add });
  context.setLineDash(workspace.rubber ? [6, 5] : []);
  context.strokeRect(...screen(workspace, shown), shown[2] * scale, shown[3] * scale);
  context.setLineDash([]);
}

// While a picture is being anonymised: the boxes that are hidden too, and (red) the faces that the second look still found.
export function hidden(workspace) {
  if (!workspace.hides) return;
  const { context, view: { scale } } = workspace;
  pixels(context);
  for (const [boxes, colour] of [[workspace.hide, COLOURS.add], [workspace.left, COLOURS.remove]]) {
    Object.assign(context, { lineWidth: 2.5, strokeStyle: colour });
    for (const each of boxes) context.strokeRect(...screen(workspace, each), each[2] * scale, each[3] * scale);
  }
}

export function points(workspace) {
  const { context } = workspace;
  pixels(context);
  for (const [px, py, sign] of workspace.points) {
    const [x, y] = screen(workspace, [px, py]);
    Object.assign(context, { fillStyle: sign ? COLOURS.add : COLOURS.remove, strokeStyle: '#fff', lineWidth: 2 });
    context.beginPath();
    context.arc(x, y, 8, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.beginPath();
    cross(context, x, y, 4, sign);
    context.stroke();
  }
}

function cross(context, x, y, arm, both = true) {
  context.moveTo(x - arm, y);
  context.lineTo(x + arm, y);
  if (!both) return;
  context.moveTo(x, y - arm);
  context.lineTo(x, y + arm);
}

// The keyboard's cross, and the ring that says how large the brush is.
export function pointer(workspace) {
  const { context, view: { scale } } = workspace;
  pixels(context);
  const rings = [['#000', []], ['#fff', [4, 4]]];
  const twice = (trail) => rings.forEach(([colour, dash]) => {
    Object.assign(context, { strokeStyle: colour, lineWidth: 2 });
    context.setLineDash(dash);
    context.beginPath();
    trail();
    context.stroke();
  });
  if (workspace.cross) twice(() => cross(context, ...screen(workspace, workspace.cross), 14));
  const at = workspace.brush && (workspace.hover || workspace.cross);
  if (at) twice(() => context.arc(...screen(workspace, at), (workspace.brush * scale) / 2, 0, 2 * Math.PI));
  context.setLineDash([]);
}
