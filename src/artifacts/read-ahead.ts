import type { Dispatcher } from 'undici';

type Controller = Dispatcher.DispatchController;

/**
 * An interceptor for undici: connections are read as fast as they come, whatever the speed of who reads the answers. What is
 * ahead is kept here and handed on in order, an error behind the data that came before it.
 *
 * undici 7 fails an assertion, in an event handler where nobody can catch it, when a server ends a connection that it does
 * not keep alive while the reader is behind: `assert(!this.paused)` in Parser.finish (nodejs/undici#5360). So every HTTP/1.0
 * server with files of some size ends the process. undici 8 has it mended, and takes Node.js 22.
 *
 * Memory is bounded by what is fetched at the same time and nothing else: where the disk is much slower than the network, by
 * the binaries of one version of Kubernetes, 0.4 GB in 2026, and somewhat more with what Node.js has not collected yet. Whoever
 * does not read a body has to cancel it, or it is all fetched for nothing.
 */
export function readAhead(dispatch: Dispatcher.Dispatch): Dispatcher.Dispatch {
  // compose() gives an interceptor handlers of this kind, whatever fetch itself has
  return (request, handler) => dispatch(request, aheadOf(handler));
}

/** What `handler` is told, it is told at its own pace; nobody else is asked to pause. */
function aheadOf(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  let waiting: (() => void)[] = [];
  let paused = false;
  let telling = false;
  const tell = (): void => {
    // the handler resumes while it is told something
    if (telling) return;
    telling = true;
    try {
      while (!paused) {
        const next = waiting.shift();
        if (!next) break;
        next();
      }
    } finally {
      telling = false;
    }
  };
  const later = (what: () => void): void => {
    waiting.push(what);
    tell();
  };
  const pace = {
    isPaused: () => paused,
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
      tell();
    },
  };
  let known: Controller | undefined;
  const paced = (controller: Controller): Controller => (known ??= pacedController(controller, pace));
  return {
    onRequestStart: (controller, context) => {
      waiting = [];
      paused = false;
      known = undefined;
      handler.onRequestStart?.(paced(controller), context);
    },
    onRequestUpgrade: (controller, ...told) => handler.onRequestUpgrade?.(paced(controller), ...told),
    onResponseStart: (controller, ...told) => {
      // fetch asks for a pause at "100 Continue" and the like, and never takes it back
      paused = false;
      handler.onResponseStart?.(paced(controller), ...told);
    },
    onResponseData: (controller, chunk) => {
      later(() => handler.onResponseData?.(paced(controller), chunk));
    },
    onResponseEnd: (controller, trailers) => {
      later(() => handler.onResponseEnd?.(paced(controller), trailers));
    },
    // types know nothing of it, but where there was no connection there is no controller
    onResponseError: (controller: Controller | undefined, error) => {
      // who has aborted it wants no more of it
      if (controller?.aborted !== false) {
        waiting = [];
        paused = false;
      }
      const own = controller && paced(controller);
      later(() => handler.onResponseError?.(own as Controller, error));
    },
  };
}

function pacedController(
  controller: Controller,
  { isPaused, pause, resume }: { isPaused: () => boolean; pause: () => void; resume: () => void },
): Controller {
  return {
    get aborted() {
      return controller.aborted;
    },
    get paused() {
      return isPaused();
    },
    get reason() {
      return controller.reason;
    },
    get rawHeaders() {
      return controller.rawHeaders ?? null;
    },
    get rawTrailers() {
      return controller.rawTrailers ?? null;
    },
    abort: (reason) => {
      controller.abort(reason);
    },
    pause,
    resume,
  };
}
