// What the user does on the picture: faces on and off, points, a box, strokes, by pointer or by keys.

import { BoxTool } from './box.js';
import { Brush } from './brush.js';
import { Gesture } from './gesture.js';
import { $, number, task } from './values.js';

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOOLS = { '+': 'add', '-': 'remove', b: 'box', p: 'paint', e: 'erase', Escape: 'pick' };
const TASKS = { pick: 'mask anonymize cutout', add: 'mask', remove: 'mask', box: 'mask anonymize', paint: 'mask cutout', erase: 'mask cutout' };
const chosen = () => document.querySelector('input[name=tool]:checked').value;

// The tool in hand; one that means nothing in this tab is the plain one.
export const tool = () => (TASKS[chosen()].split(' ').includes(task()) ? chosen() : 'pick');
const brushes = () => tool() === 'paint' || tool() === 'erase';

export class Hand {
  // toggle(id): a face was picked; changed(): points or box are others now; painted(): a stroke is done; split(percent).
  constructor(stage, { toggle, changed, painted, split }) {
    Object.assign(this, { stage, toggle, changed, split });
    this.boxes = new BoxTool(stage, (box) => { this.drawn(box); changed(); });
    this.brush = new Brush(stage, painted);
    this.gesture = new Gesture(stage, this);
    for (const radio of document.querySelectorAll('input[name=tool]')) radio.addEventListener('change', () => this.take(radio.value));
    $('size').addEventListener('input', () => { this.show(); stage.draw(); });
    stage.canvas.addEventListener('keydown', (event) => this.key(event));
    stage.canvas.addEventListener('blur', () => { stage.cross = null; stage.draw(); });
  }

  // In place of the faces of a mask; to be hidden besides those of a picture.
  drawn(box) {
    if (task() === 'anonymize') this.stage.hide = [...this.stage.hide, box];
    else this.stage.box = box;
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
    const { stage } = this;
    if (tool() === 'pick') {
      const id = stage.faceAt(at);
      if (id !== null) this.toggle(id);
      return;
    }
    stage.points = [...stage.points, [...at, tool() === 'add' ? 1 : 0]];
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
    const { stage } = this;
    for (const radio of document.querySelectorAll('input[name=tool]')) {
      radio.parentElement.hidden = !TASKS[radio.value].split(' ').includes(task());
      radio.checked = radio.value === tool();
    }
    $('sizefield').hidden = !brushes();
    stage.brush = brushes() ? number('size') * Math.max(1, Math.max(stage.width, stage.height) / 1000) : null;
    stage.canvas.classList.toggle('point', tool() === 'add' || tool() === 'remove');
    stage.canvas.classList.toggle('draw', this.draws());
    stage.canvas.classList.toggle('free', stage.view.fitted && tool() === 'pick');
  }

  key(event) {
    const { stage } = this;
    if (event.ctrlKey || event.metaKey || event.altKey || !stage.picture) return;
    if (STEPS[event.key]) this.move(STEPS[event.key], event.shiftKey ? 20 : 100);
    else if ((event.key === 'Enter' || event.key === ' ') && stage.cross) this.act(stage.cross);
    else if (/^[1-9]$/.test(event.key)) this.toggle(Number(event.key) - 1);
    else if (TOOLS[event.key]) this.takeByKey(event.key);
    else if (event.key === '[' || event.key === ']') this.resize(event.key === ']' ? 1.25 : 0.8);
    else return;
    event.preventDefault();
  }

  takeByKey(key) {
    if (key === 'Escape') this.stage.cross = null;
    this.take(TOOLS[key]);
    this.stage.draw();
  }

  resize(factor) {
    $('size').value = Math.round(number('size') * factor + (factor > 1 ? 1 : -1));
    this.show();
    this.stage.draw();
  }

  // The cross: one hundredth of the picture a step, a twentieth with Shift.
  move([dx, dy], parts) {
    const { stage } = this;
    const step = Math.max(1, Math.round(Math.max(stage.width, stage.height) / parts));
    const [x, y] = stage.cross || [stage.width >> 1, stage.height >> 1];
    stage.cross = [Math.min(stage.width - 1, Math.max(0, x + dx * step)), Math.min(stage.height - 1, Math.max(0, y + dy * step))];
    stage.view.show(stage.cross);
    this.boxes.point(stage.cross);
    stage.draw();
  }
}
