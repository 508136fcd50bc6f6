// Undo and redo: states in the order in which they came about. A state is a plain object; ``same`` tells two of them apart.

const MOST = 200;

export class History {
  constructor(same) {
    this.same = same;
    this.begin(null);
  }

  begin(state) {
    this.states = [state];
    this.at = 0;
  }

  // Something may have changed. What was undone before is gone for good.
  push(state) {
    if (this.same(this.states[this.at], state)) return;
    this.states.splice(this.at + 1, Infinity, state);
    if (this.states.length > MOST) this.states.shift();
    this.at = this.states.length - 1;
  }

  get canUndo() { return this.at > 0; }

  get canRedo() { return this.at < this.states.length - 1; }

  undo() { return this.canUndo ? this.states[(this.at -= 1)] : null; }

  redo() { return this.canRedo ? this.states[(this.at += 1)] : null; }
}
