/** Many Clients in one process, each with a socket of its own: they connect, lose their Coordinator, and all want to come back at once. */

import { systemRandom } from "../../../packages/conec/src/base/random.ts";
import { reachCoordinator } from "../../../packages/conec/src/client/uplink/index.ts";
import { isConecError } from "../../../packages/conec/src/errors.ts";
import { resolveLimits } from "../../../packages/conec/src/limits.ts";
import { runtimeOf } from "../../../packages/conec/src/session/runtime.ts";
import type { LocalIdentity } from "../../../packages/conec/src/tls/identity.ts";
import { makeSelfSigned } from "../../../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../../../packages/conec/src/tls/trust.ts";
import { createQuicTransport } from "../../../packages/conec/src/transport/quic/index.ts";
import type { Transport, TransportConnection } from "../../../packages/conec/src/transport/transport.ts";
import { nowMs, serveActions, sleep } from "./actions.ts";

interface Where {
	readonly address: string;
	readonly port: number;
	readonly pin: string;
}

interface Member {
	readonly id: string;
	readonly identity: LocalIdentity;
	transport: Transport;
	connection: TransportConnection | undefined;
	backMs: number | undefined;
}

const limits = resolveLimits({});
const runtime = runtimeOf(createQuicTransport);
const members: Member[] = [];
/** What connecting failed with, how often. */
const failures = new Map<string, number>();
/** So many connect at first at the same time: a crowd that is no herd. */
const AT_ONCE = 8;
/** The longest pause between two tries. */
const PAUSE_MS = 1_000;

const bind = (): Transport => createQuicTransport({ host: "0.0.0.0", port: 0, limits, role: "client" });

async function connect(member: Member, { address, port, pin }: Where): Promise<void> {
	const options = {
		id: member.id,
		coordinators: [{ host: "localhost", port }],
		address: { address, port },
		trust: coordinatorTrust({ pin }),
		...{ ca: undefined, metadata: undefined, localAddress: "0.0.0.0", family: 4 as const, limits, signal: undefined },
	} as const;
	const { connection, listen } = await reachCoordinator(member.transport, member.identity, options, runtime, runtime.clock.now());
	listen({ message: () => undefined, broken: () => undefined });
	member.connection = connection;
}

/** Until it is back. With `tokens`, as the same endpoint; otherwise each time as one that nobody has seen. */
async function comeBack(member: Member, where: Where, tokens: boolean): Promise<void> {
	while (member.backMs === undefined) {
		if (!tokens) {
			member.transport.destroy();
			member.transport = bind();
		}
		try {
			await connect(member, where);
			member.backMs = nowMs();
		} catch (error) {
			const code = isConecError(error) ? error.code : String(error);
			failures.set(code, (failures.get(code) ?? 0) + 1);
			await sleep(systemRandom.fraction() * PAUSE_MS);
		}
	}
}

serveActions({
	async enter({ count, where }: { count: number; where: Where }) {
		for (let i = 0; i < count; i += AT_ONCE) {
			const few = Array.from({ length: Math.min(AT_ONCE, count - i) }, async (_, j) => {
				const id = `herd-${i + j}`;
				const member: Member = {
					id,
					identity: await makeSelfSigned({ names: [id] }, "ephemeral"),
					transport: bind(),
					connection: undefined,
					backMs: undefined,
				};
				members.push(member);
				await connect(member, where);
			});
			await Promise.all(few);
		}
	},
	/** They notice that the Coordinator is gone, and try from now on. */
	lose({ where, tokens }: { where: Where; tokens: boolean }) {
		for (const member of members) {
			member.connection?.close(0, "");
			member.backMs = undefined;
			void comeBack(member, where, tokens);
		}
	},
	/** When they came back, those who are. */
	back: () => ({ backMs: members.flatMap(({ backMs }) => backMs ?? []), failures: Object.fromEntries(failures) }),
});
