// What the user does on the picture: faces on and off, points, a box, by pointer or by keys.

import { BoxTool } from './box.js';
import { $ } from './values.js';

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOOLS = { '+': 'add', '-': 'remove', b: 'box', Escape: 'pick' };
const tool = () => document.querySelector('input[name=tool]:checked').value;

export class Hand {
  // corrects(): points and boxes count now; toggle(id): a face was picked; changed(): points or box are others now.
  constructor(stage, { corrects, toggle, changed }) {
    Object.assign(this, { stage, corrects, toggle, changed });
    this.boxes = new BoxTool(stage, () => corrects() && tool() === 'box', () => this.update());
    for (const radio of document.querySelectorAll('input[name=tool]')) radio.addEventListener('change', () => this.take(tool()));
    stage.canvas.addEventListener('click', (event) => { if (!stage.result) this.act(stage.at(event)); });
    stage.canvas.addEventListener('keydown', (event) => this.key(event));
    $('undo').addEventListener('click', () => this.takeBack());
    $('clear').addEventListener('click', () => { stage.points = []; stage.box = null; this.update(); });
  }

  drew() {
    return Boolean(this.stage.box || this.stage.points.length);
  }

  act(at) {
    const { stage } = this;
    if (!this.corrects() || tool() === 'pick') {
      const id = stage.faceAt(at);
      if (id !== null) this.toggle(id);
      return;
    }
    if (tool() === 'box') return this.boxes.set(at);
    stage.points.push([...at, tool() === 'add' ? 1 : 0]);
    this.update();
  }

  takeBack() {
    if (this.stage.points.length) this.stage.points.pop();
    else this.stage.box = null;
    this.update();
  }

  update() {
    this.show();
    this.changed();
  }

  show() {
    const { points: { length }, box } = this.stage;
    for (const id of ['undo', 'clear']) $(id).disabled = !this.drew();
    const points = length ? `${length} ${length === 1 ? 'point' : 'points'}` : 'No points';
    $('points').textContent = box ? `${points}, a box in place of the faces.` : `${points}.`;
    this.stage.draw();
  }

  take(name) {
    document.querySelector(`input[name=tool][value=${name}]`).checked = true;
    this.stage.canvas.classList.toggle('point', name !== 'pick');
    this.stage.canvas.classList.toggle('drag', name === 'box');
    this.boxes.cancel();
  }

  key(event) {
    const { stage } = this;
    if (event.ctrlKey || event.metaKey || event.altKey || !stage.picture) return;
    if (STEPS[event.key]) this.move(STEPS[event.key], event.shiftKey ? 20 : 100);
    else if ((event.key === 'Enter' || event.key === ' ') && stage.cross) this.act(stage.cross);
    else if (/^[1-9]$/.test(event.key)) this.toggle(Number(event.key) - 1);
    else if (TOOLS[event.key]) {
      if (event.key === 'Escape') stage.cross = null;
      this.take(TOOLS[event.key]);
    } else if (event.key === 'z' && this.drew()) this.takeBack();
    else return;
    event.preventDefault();
  }

  // The cross: one hundredth of the picture a step, a twentieth with Shift.
  move([dx, dy], parts) {
    const { stage } = this;
    const step = Math.max(1, Math.round(Math.max(stage.width, stage.height) / parts));
    const [x, y] = stage.cross || [stage.width >> 1, stage.height >> 1];
    stage.cross = [Math.min(stage.width - 1, Math.max(0, x + dx * step)), Math.min(stage.height - 1, Math.max(0, y + dy * step))];
    this.boxes.point(stage.cross);
    stage.draw();
  }
}
