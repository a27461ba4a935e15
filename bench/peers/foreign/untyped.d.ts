// What we use of hyperdht, which has no types of its own.

declare module "hyperdht" {
	import type { Duplex } from "node:stream";

	export interface KeyPair {
		readonly publicKey: Buffer;
	}

	export interface Server {
		listen(pair: KeyPair): Promise<void>;
	}

	// biome-ignore lint/style/noDefaultExport: it is theirs.
	export default class DHT {
		constructor(options: { bootstrap: unknown; host: string; firewalled: boolean });
		static keyPair(): KeyPair;
		createServer(onConnection: (socket: Duplex) => void): Server;
		connect(publicKey: Buffer): Duplex;
	}
}

declare module "hyperdht/testnet.js" {
	// biome-ignore lint/style/noDefaultExport: it is theirs.
	export default function createTestnet(size: number): Promise<{ readonly bootstrap: unknown }>;
}
