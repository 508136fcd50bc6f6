/** What a call can throw, with the service's own words. */

/** Base of everything that this client throws. */
export class SamMaskError extends Error {
  override name = "SamMaskError";
}

/** No answer: nothing listens, the connection broke, or the time limit passed. */
export class Unreachable extends SamMaskError {
  override name = "Unreachable";
}

/** The service refused. `code` is one of its stable error codes, `retryAfter` in seconds where it named a time. */
export class ApiError extends SamMaskError {
  override name = "ApiError";

  constructor(
    readonly detail: string,
    readonly code: string,
    readonly status: number,
    readonly requestId: string,
    readonly retryAfter?: number,
  ) {
    super(code ? `${detail} (${code})` : detail);
  }
}

/** The error that an answer of 400 or more stands for; also where a proxy answered in its own format. */
export async function errorOf(answer: Response): Promise<ApiError> {
  const problem = await answer
    .json()
    .then((body: unknown) => (typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {}))
    .catch((): Record<string, unknown> => ({}));
  const text = (name: string, otherwise: string) => (typeof problem[name] === "string" ? problem[name] : otherwise);
  const wait = Number.parseFloat(answer.headers.get("Retry-After") ?? "");
  return new ApiError(
    text("detail", `HTTP ${answer.status}`),
    text("code", ""),
    answer.status,
    answer.headers.get("X-Request-ID") ?? "",
    ...(Number.isFinite(wait) ? [wait] : []),
  );
}
