import type { FastifyInstance } from 'fastify';

/** Knows which methods each path takes, so that a wrong method gets 405 with Allow instead of Fastify's 404. */
export class RouteTable {
  readonly #routes: { pattern: RegExp; methods: Set<string> }[] = [];

  /** Collects every route that is registered from now on. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ url, method }) => {
      if (/^\/?\*$/.test(url)) return;
      const literal = url.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
      const pattern = new RegExp(`^${literal.replaceAll(/:[^/]+/g, '[^/]+').replace('*', '.+')}/?$`);
      const methods = Array.isArray(method) ? method : [method];
      const known = this.#routes.find((route) => route.pattern.source === pattern.source);
      if (known) for (const one of methods) known.methods.add(one);
      else this.#routes.push({ pattern, methods: new Set(methods) });
    });
  }

  /** The methods of the routes that match a path without query; empty for an unknown path. */
  methodsOf(path: string): string[] {
    const methods = this.#routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => [...route.methods]);
    return [...new Set(methods)].toSorted();
  }
}
