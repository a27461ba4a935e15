/**
 * The Coordinator's part in direct channels, with the sockets and bounds of this Coordinator.
 *
 * @module
 */

import { isConecError } from "../errors.ts";
import { ownSockets, Reflector } from "./addresses/index.ts";
import type { CoordinatorParts } from "./begin.ts";
import { Introductions, type IntroductionsHost } from "./introduction/index.ts";

/** Made once. */
export function createIntroductions(parts: CoordinatorParts, host: Pick<IntroductionsHost, "find" | "closing" | "denied" | "emit" | "defence">): Introductions {
	const { options, runtime, transport } = parts;
	const { limits } = options;
	const { clock, random, interfaces } = runtime;
	const natTest = isConecError(parts.natTest) ? undefined : parts.natTest;
	const now = (): number => clock.now();
	const ports = [transport.address.port, ...(natTest === undefined ? [] : [natTest.echo.address.port, natTest.test.address.port])];
	return new Introductions({
		...host,
		...{ limits, clock, random },
		sendDatagram: (data, to) => transport.sendDatagram(data, to),
		isOwn: ownSockets(options.host, ports, now, interfaces),
		reflector: natTest === undefined ? undefined : new Reflector(natTest, limits, now),
	});
}
