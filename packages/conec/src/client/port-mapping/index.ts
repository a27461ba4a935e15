/**
 * The door of this room: what others may use of it.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Runtime } from "../../session/runtime.ts";
import type { Transport } from "../../transport/transport.ts";
import type { OwnNetwork } from "../network/index.ts";
import { findGateways } from "./gateways.ts";
import { PortMapper, type PortMappingStatus } from "./mapper.ts";
import { createUdpMethod } from "./udp.ts";
import { createUpnpMethod } from "./upnp.ts";

export type { MappingProtocol, PortMapper, PortMappingStatus } from "./mapper.ts";

/** What keeps the port of a Client mapped, and tells its network of it. It begins with `start`. */
export function portMapperOf(
	runtime: Pick<Runtime, "clock" | "random" | "routeSources">,
	transport: Pick<Transport, "address">,
	network: Pick<OwnNetwork, "mapping">,
	emit: (status: PortMappingStatus) => void,
): PortMapper {
	const { clock, random } = runtime;
	const mapper = createPortMapper({ clock, random, internalPort: transport.address.port, sources: () => runtime.routeSources(undefined), emit });
	network.mapping = mapper;
	return mapper;
}

/** Keeps a port mapped by PCP, NAT-PMP or UPnP, whichever the router knows. Begins with `start`. */
export function createPortMapper(parts: {
	readonly clock: Clock;
	readonly random: Random;
	readonly internalPort: number;
	/** The addresses from which this machine sends. */
	readonly sources: () => Promise<readonly string[]>;
	readonly emit: (status: PortMappingStatus) => void;
}): PortMapper {
	const { clock, random, internalPort, emit } = parts;
	const gateways = async (): Promise<string[]> => findGateways(await parts.sources());
	return new PortMapper({ clock, internalPort, emit, methods: [createUdpMethod({ clock, random, gateways }), createUpnpMethod({ clock, gateways })] });
}
