// Talks to the service: key, errors in one shape, retries when it is busy, and the fallback without /images.

import { writePng } from './png.js';
import { errorText } from './words.js';

const TRIES = 4;
const PASSING = ['busy', 'starting']; // what another try may mend
const PATIENCE = 120_000; // milliseconds: no busy sign stands for ever

export class ServiceError extends Error {
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export function key() {
  return sessionStorage.getItem('key') || '';
}

export function setKey(value) {
  if (value) sessionStorage.setItem('key', value);
  else sessionStorage.removeItem('key');
}

// Addresses are relative to the page, which may stand behind a path of a proxy.
export const address = (path) => new URL(path, document.baseURI).href;

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

async function failure(response) {
  let problem = {};
  try { problem = await response.json(); } catch { /* not JSON: a proxy's page, or nothing */ }
  const code = String(problem.code || '');
  const text = String(problem.error || problem.detail || `The service answered ${response.status}.`).replace(/^image_url:/, 'The address:');
  return new ServiceError(errorText(code, text), code, response.status);
}

async function send(path, options, signal) {
  const patience = AbortSignal.timeout(PATIENCE);
  const signals = signal ? AbortSignal.any([signal, patience]) : patience;
  try {
    return await fetch(address(path), { ...options, signal: signals, cache: 'no-store', credentials: 'omit' });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (patience.aborted) throw new ServiceError('The service has not answered in two minutes. Try again, or a smaller picture.', 'timeout', 0);
    throw new ServiceError('The service cannot be reached. Check that it is running, then try again.', 'unreachable', 0);
  }
}

export async function call(path, { method = 'POST', accept = 'application/json', body, json, signal } = {}) {
  const headers = { Accept: accept };
  if (key()) headers['X-API-Key'] = key();
  if (json) headers['Content-Type'] = 'application/json';
  for (let tried = 1; ; tried += 1) {
    const response = await send(path, { method, headers, body: json ? JSON.stringify(json) : body }, signal);
    if (response.ok) return response;
    const error = await failure(response);
    if (!PASSING.includes(error.code) || tried === TRIES) throw error;
    await sleep(Math.min(10, Number(response.headers.get('Retry-After')) || 1) * (0.75 + Math.random() / 2));
  }
}

function form(source, values) {
  const body = new FormData();
  if (source.file) body.append('image', source.file, 'picture');
  else body.append('image_url', source.url);
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') body.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return body;
}

// One picture at the service. With /images it is uploaded once; a service without that endpoint gets it with every request.
export class Upload {
  // ``source``: { name, file } or { name, url }. ``harder``: faces are looked for with more effort.
  constructor(source, harder = false) {
    Object.assign(this, { source, name: source.name, id: null, kept: true, width: 0, height: 0 });
    this.looks = harder ? { recall: 'high' } : {};
  }

  async open() {
    const asked = form(this.source, { on_no_face: 'empty', ...this.looks });
    try {
      const answer = await (await call('images', { body: asked })).json();
      this.id = String(answer.image_id);
      return this.opened(answer, answer);
    } catch (error) {
      // A crowd may take too long to draw; its faces alone do not.
      if (![404, 405, 501].includes(error.status) && error.code !== 'deadline') throw error;
      this.kept = false;
      const answer = await (await call('detect_faces', { body: asked })).json();
      return this.opened(answer, { width: answer.stats?.image_width, height: answer.stats?.image_height });
    }
  }

  opened({ faces, stats }, { width = 0, height = 0 }) {
    Object.assign(this, { width, height, seen: stats?.faces_detected || 0, orientation: stats?.orientation || 1 });
    return faces;
  }

  async mask(values, accept, signal) {
    const asked = { ...values, ...this.looks };
    for (let uploads = 0; this.kept; uploads += 1) {
      try {
        return await call(`images/${encodeURIComponent(this.id)}/masks`, { json: asked, accept, signal });
      } catch (error) {
        if (error.code !== 'image_not_found') throw error;
        // It expired, or another process of the service answered: once more from the start, then without /images.
        if (uploads && !values.points && !values.box) break; // those need an upload
        if (uploads === TRIES) throw error;
        await this.open();
      }
    }
    if (values.points || values.box) throw new ServiceError('', 'not_kept', 0);
    return call('create_mask', { body: form(this.source, asked), accept, signal });
  }

  picture(path, values, signal) {
    return call(path, { body: form(this.source, { ...this.looks, ...values }), accept: 'image/*', signal });
  }

  // The picture as the service sees it, upright: put together with an edit that changes nothing.
  async upright() {
    const { width, height } = this;
    const nothing = await writePng({ width, height, channels: 1, data: new Uint8Array(width * height) });
    const body = new FormData();
    if (this.kept) body.append('image_id', this.id);
    else body.append('original', this.source.file, 'picture');
    body.append('edited', nothing, 'edited.png');
    body.append('mask', nothing, 'mask.png');
    body.append('format', 'webp');
    return (await call('composite', { body, accept: 'image/webp' })).blob();
  }

  close() {
    if (this.id) call(`images/${encodeURIComponent(this.id)}`, { method: 'DELETE' }).catch(() => {});
    this.id = null;
  }
}

export const targets = async () => (await call('static/targets.json', { method: 'GET' })).json();
export const health = async () => (await call('health', { method: 'GET' })).json();
export const docs = async () => (await call('docs', { method: 'GET', accept: 'text/html' })).text();
