// What the user does on the picture: faces on and off, points, a box, strokes, by pointer or by keys.

import { BoxTool } from './box.js';
import { Brush } from './brush.js';
import { $, number, task } from './form.js';
import { Gesture } from './gesture.js';

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOOLS = { '+': 'add', '-': 'remove', b: 'box', p: 'paint', e: 'erase', Escape: 'pick' };
const TASKS = { pick: 'mask anonymize cutout', add: 'mask', remove: 'mask', box: 'mask anonymize', paint: 'mask cutout', erase: 'mask cutout' };
const chosen = () => document.querySelector('input[name=tool]:checked').value;

// The chosen tool; one that means nothing in this tab is the plain one.
export const tool = () => (TASKS[chosen()].split(' ').includes(task()) ? chosen() : 'pick');
const brushes = () => tool() === 'paint' || tool() === 'erase';

export class Tools {
  // toggle(id): a face was picked; changed(): points or box are others now; painted(): a stroke is done; split(percent).
  constructor(workspace, { toggle, changed, painted, split }) {
    Object.assign(this, { workspace, toggle, changed, split });
    this.boxes = new BoxTool(workspace, (box) => { this.drawn(box); changed(); });
    this.brush = new Brush(workspace, painted);
    this.gesture = new Gesture(workspace, this);
    for (const radio of document.querySelectorAll('input[name=tool]')) radio.addEventListener('change', () => this.take(radio.value));
    $('size').addEventListener('input', () => { this.show(); this.sizing(true); });
    $('size').addEventListener('change', () => this.sizing(false));
    workspace.canvas.addEventListener('keydown', (event) => this.key(event));
    workspace.canvas.addEventListener('blur', () => { workspace.cross = null; workspace.draw(); });
  }

  // In place of the faces of a mask; to be hidden besides those of a picture.
  drawn(box) {
    if (task() === 'anonymize') this.workspace.hide = [...this.workspace.hide, box];
    else this.workspace.box = box;
  }

  draws() { return brushes() || tool() === 'box'; }

  begin(at) {
    if (brushes()) this.brush.begin(at, tool() === 'paint');
    else this.boxes.begin(at);
  }

  point(at) { (brushes() ? this.brush : this.boxes).point(at); }

  end(at) {
    if (brushes()) this.brush.end();
    else if (!this.boxes.end(at)) this.boxes.set(at);
  }

  cancel() { (brushes() ? this.brush : this.boxes).cancel(); }

  hover(at) { if (tool() === 'box') this.boxes.point(at); }

  click(at) {
    const { workspace } = this;
    if (tool() === 'pick') {
      const id = workspace.faceAt(at);
      if (id !== null) this.toggle(id);
      return;
    }
    workspace.points = [...workspace.points, [...at, tool() === 'add' ? 1 : 0]];
    this.changed();
  }

  // Enter at the cross.
  act(at) {
    if (brushes()) {
      this.begin(at);
      this.end(at);
    } else if (tool() === 'box') this.boxes.set(at);
    else this.click(at);
  }

  take(name) {
    document.querySelector(`input[name=tool][value=${name}]`).checked = true;
    this.boxes.cancel();
    this.show();
  }

  // The tools of this tab, and how the pointer looks.
  show() {
    const { workspace } = this;
    for (const radio of document.querySelectorAll('input[name=tool]')) {
      radio.parentElement.hidden = !TASKS[radio.value].split(' ').includes(task());
      radio.checked = radio.value === tool();
    }
    $('sizefield').hidden = !brushes();
    workspace.brush = brushes() ? number('size') * Math.max(1, Math.max(workspace.width, workspace.height) / 1000) : null;
    workspace.canvas.classList.toggle('point', tool() === 'add' || tool() === 'remove');
    workspace.canvas.classList.toggle('draw', this.draws());
    workspace.canvas.classList.toggle('free', workspace.view.fitted && tool() === 'pick');
  }

  key(event) {
    const { workspace } = this;
    if (event.ctrlKey || event.metaKey || event.altKey || !workspace.picture) return;
    if (STEPS[event.key]) this.move(STEPS[event.key], event.shiftKey ? 20 : 100);
    else if (event.key === 'Enter' || event.key === ' ') this.enter();
    else if (/^[1-9]$/.test(event.key)) this.toggle(Number(event.key) - 1);
    else if (TOOLS[event.key]) this.takeByKey(event.key);
    else if (event.key === '[' || event.key === ']') this.resize(event.key === ']' ? 1.25 : 0.8);
    else return;
    event.preventDefault();
  }

  // The first time it shows where the cross is.
  enter() {
    if (this.workspace.cross) this.act(this.workspace.cross);
    else this.move([0, 0], 1);
  }

  // While its size is chosen the brush is seen in the middle of what is shown.
  sizing(on) {
    const { workspace } = this;
    workspace.hover = on ? workspace.view.picture([workspace.view.width / 2, workspace.view.height / 2]) : null;
    workspace.draw();
  }

  takeByKey(key) {
    if (key === 'Escape') this.workspace.cross = null;
    this.take(TOOLS[key]);
    this.workspace.draw();
  }

  resize(factor) {
    $('size').value = Math.round(number('size') * factor + (factor > 1 ? 1 : -1));
    this.show();
    this.workspace.draw();
  }

  // The cross: one hundredth of the picture a step, a twentieth with Shift.
  move([dx, dy], parts) {
    const { workspace } = this;
    const step = Math.max(1, Math.round(Math.max(workspace.width, workspace.height) / parts));
    const [x, y] = workspace.cross || [workspace.width >> 1, workspace.height >> 1];
    workspace.cross = [Math.min(workspace.width - 1, Math.max(0, x + dx * step)), Math.min(workspace.height - 1, Math.max(0, y + dy * step))];
    workspace.view.show(workspace.cross);
    this.boxes.point(workspace.cross);
    workspace.draw();
  }
}
