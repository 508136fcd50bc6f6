// Talks to the service: key, errors in one shape, retries when it is busy, and the fallback without /images.

const TRIES = 4;

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

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

async function failure(response) {
  let problem = {};
  try { problem = await response.json(); } catch { /* not JSON: a proxy's page, or nothing */ }
  const text = problem.error || problem.detail || `The service answered ${response.status}.`;
  return new ServiceError(String(text), String(problem.code || ''), response.status);
}

async function call(path, { method = 'POST', accept = 'application/json', body, json, signal } = {}) {
  const headers = { Accept: accept };
  if (key()) headers['X-API-Key'] = key();
  if (json) headers['Content-Type'] = 'application/json';
  for (let tried = 1; ; tried += 1) {
    let response;
    try {
      response = await fetch(path, { method, headers, body: json ? JSON.stringify(json) : body, signal, cache: 'no-store', credentials: 'omit' });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ServiceError('The service cannot be reached. Check that it is running, then try again.', 'unreachable', 0);
    }
    if (response.ok) return response;
    if (response.status !== 503 || tried === TRIES) throw await failure(response);
    await sleep(Math.min(10, Number(response.headers.get('Retry-After')) || 1) * (0.75 + Math.random() / 2));
  }
}

function form(file, values) {
  const body = new FormData();
  body.append('image', file, 'picture');
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') body.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return body;
}

// One picture at the service. With /images it is uploaded once; a service without that endpoint gets it with every request.
export class Session {
  constructor(file) {
    this.file = file;
    this.id = null;
    this.kept = true;
  }

  async open() {
    try {
      const answer = await (await call('/images', { body: form(this.file, { on_no_face: 'empty' }) })).json();
      this.id = String(answer.image_id);
      return answer.faces;
    } catch (error) {
      if (![404, 405, 501].includes(error.status)) throw error;
      this.kept = false;
      const answer = await (await call('/detect_faces', { body: form(this.file, { on_no_face: 'empty' }) })).json();
      return answer.faces;
    }
  }

  async mask(values, accept, signal) {
    for (let uploads = 0; this.kept; uploads += 1) {
      try {
        return await call(`/images/${encodeURIComponent(this.id)}/masks`, { json: values, accept, signal });
      } catch (error) {
        if (error.code !== 'image_not_found') throw error;
        // It expired, or another process of the service answered: once more from the start, then without /images.
        if (uploads && !values.points && !values.box) break;
        if (uploads === TRIES) throw error;
        await this.open();
      }
    }
    return call('/create_mask', { body: form(this.file, values), accept, signal });
  }

  picture(path, values, signal) {
    return call(path, { body: form(this.file, values), accept: 'image/*', signal });
  }

  close() {
    if (this.id) call(`/images/${encodeURIComponent(this.id)}`, { method: 'DELETE' }).catch(() => {});
    this.id = null;
  }
}

export async function targets() {
  return (await call('/static/targets.json', { method: 'GET' })).json();
}
