import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryNetwork } from "../../testing/memory/transport.ts";
import { deferred } from "../base/signals.ts";
import { ConecError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import type { IncomingStream, StreamHandler, TransportCloseInfo, TransportConnection, TransportStream } from "../transport/transport.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import { type DirectHello, type DirectMessage, type DirectWelcome, decodeDirect, encodeDirect } from "../wire/direct-messages.ts";
import { FRAME } from "../wire/frames.ts";
import { type Answering, answerHello, type GreetedEvents, hearHello, sayHello } from "./greeting.ts";

const DIALECT = { encode: encodeDirect, decode: decodeDirect };
const BOUNDS = { messageBytes: 1_000, metadataBytes: 100, connectionWindowBytes: 1_048_576 };
const HELLO: DirectHello = { type: "hello", versions: [2], token: "00".repeat(16), capabilities: [], limits: BOUNDS };
const WELCOME: DirectWelcome = { type: "welcome", version: 2, capabilities: [], limits: BOUNDS };
const CLOSE = { type: "close", reason: "bye" } as const;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A connection of two: who dialled, and who accepted. */
async function connect(): Promise<{ dialled: TransportConnection; accepted: TransportConnection }> {
	const network = createMemoryNetwork();
	const [listening, dialling] = [network.createTransport(), network.createTransport()];
	const identity = { certificates: [Uint8Array.of(1)], privateKey: Uint8Array.of(1) };
	const { promise, resolve } = deferred<TransportConnection>();
	listening.accept({
		...{ identity, clientTrust: {}, alpnProtocols: ["x"], retry: "never", undecidedCode: 0, keyLog: false, connections: 10 },
		onConnection: (connection) => {
			connection.confirm();
			resolve(connection);
		},
	});
	const dialled = await dialling.dial({
		...{ ...listening.address, serverName: "x", trust: { roots: identity.certificates } },
		...{ identity, alpnProtocol: "x", handshakeTimeoutMs: 20_000 },
	});
	return { dialled, accepted: await promise };
}

function say(connection: TransportConnection, signal: AbortSignal = new AbortController().signal, answered: () => void = () => undefined) {
	return sayHello<DirectMessage, DirectWelcome>({
		...{ dialect: DIALECT, connection, hello: HELLO, action: "Cannot greet", lostCode: "PEER_LOST", limits: DEFAULT_LIMITS, signal },
		isAnswer: (message) => {
			answered();
			return message.type === "welcome";
		},
		givenUpCode: CLOSE_CODES.NORMAL,
	});
}

/** Takes the first stream of a connection and says on it whatever a test wants. */
function talkOn(connection: TransportConnection): Promise<TransportStream> {
	const { promise, resolve } = deferred<TransportStream>();
	connection.onStream = (incoming) => resolve(incoming.accept(silent()));
	return promise;
}

function silent(heard: (message: string) => void = () => undefined): StreamHandler {
	const nothing = (): void => undefined;
	return {
		...{ end: nothing, reset: nothing, stopped: nothing, drained: nothing, finished: nothing, lost: nothing },
		frame: (_, payload) => heard(Buffer.from(payload).toString()),
	};
}

const write = (stream: TransportStream, ...messages: readonly DirectMessage[]): void => {
	for (const message of messages) stream.write(FRAME.CONTROL, encodeDirect(message));
};

/** Events as words. */
function recorder(): { words: string[]; events: GreetedEvents<DirectMessage> } {
	const words: string[] = [];
	return { words, events: { message: ({ type }) => words.push(type), broken: (code) => words.push(`broken ${code}`) } };
}

/** The Client's hello, heard at the other end. */
async function heardHello(): Promise<{ dialled: TransportConnection; accepted: TransportConnection; answering: Answering<DirectMessage>; heard: string[] }> {
	const { dialled, accepted } = await connect();
	const { promise, resolve } = deferred<IncomingStream>();
	hearHello<DirectMessage, DirectHello>(accepted, {
		...{ dialect: DIALECT, isHello: (message) => message.type === "hello", metadataBytes: 100, heard: resolve },
	});
	const heard: string[] = [];
	const stream = dialled.openStream(
		{ kind: FRAME.CONTROL, payload: encodeDirect(HELLO) },
		silent((text) => heard.push((JSON.parse(text) as DirectMessage).type)),
	);
	const answering = answerHello<DirectMessage>(await promise, DIALECT, DEFAULT_LIMITS);
	streams.set(answering, stream);
	return { dialled, accepted, answering, heard };
}

/** What the Client's end of it says more. */
const streams: WeakMap<Answering<DirectMessage>, TransportStream> = new WeakMap();
const more = (answering: Answering<DirectMessage>, ...messages: readonly DirectMessage[]): void =>
	write(streams.get(answering) as TransportStream, ...messages);

test("greeting: hello and welcome, and what follows at both ends is told to those who listen", async () => {
	const { dialled, accepted } = await connect();
	const both = deferred<ReturnType<Answering<DirectMessage>["welcome"]>>();
	hearHello<DirectMessage, DirectHello>(accepted, {
		...{ dialect: DIALECT, isHello: (message) => message.type === "hello", metadataBytes: 100 },
		heard: (incoming, hello) => {
			assert.deepEqual(hello, HELLO);
			both.resolve(answerHello<DirectMessage>(incoming, DIALECT, DEFAULT_LIMITS).welcome(WELCOME));
		},
	});
	const [there, here] = await Promise.all([both.promise, say(dialled)]);
	assert.deepEqual(here.answer, WELCOME);
	const [atThere, atHere] = [recorder(), recorder()];
	there.listen(atThere.events);
	here.listen(atHere.events);
	there.control.send(CLOSE);
	here.control.send(CLOSE);
	assert.equal(await here.control.ping(10_000), true);
	assert.deepEqual([atThere.words, atHere.words], [["close"], ["close"]]);
});

test("greeting: what comes right behind the welcome waits for its listener, in order, and is told once", async () => {
	const { dialled, accepted } = await connect();
	const opened = talkOn(accepted);
	const greeted = say(dialled);
	const stream = await opened;
	write(stream, WELCOME, CLOSE, HELLO);
	stream.write(FRAME.DATA, new Uint8Array(1));
	const { listen } = await greeted;
	await turn();
	const { words, events } = recorder();
	listen(events);
	assert.deepEqual(words, ["close", "hello", `broken ${CLOSE_CODES.PROTOCOL_ERROR}`]);
	await turn();
	assert.equal(words.length, 3);
});

test("greeting: whoever sends too much before anybody listens loses the connection", async () => {
	const { dialled, accepted } = await connect();
	const opened = talkOn(accepted);
	const greeted = say(dialled);
	const stream = await opened;
	write(stream, WELCOME, ...new Array<DirectMessage>(256).fill(CLOSE));
	const { listen } = await greeted;
	await turn();
	write(stream, CLOSE);
	const ended = await accepted.closed;
	assert.deepEqual([ended.by, ended.closeCode], ["peer", CLOSE_CODES.LIMIT_EXCEEDED]);
	const { words, events } = recorder();
	listen(events);
	assert.equal(words.length, 256);
});

test("greeting: an answer that is none is PROTOCOL_ERROR, here and at the other side", async () => {
	const cases: [string, (stream: TransportStream) => void][] = [
		["another message", (stream) => write(stream, CLOSE)],
		["a hello", (stream) => write(stream, HELLO, WELCOME)],
		["a version that was not offered", (stream) => write(stream, { ...WELCOME, version: 9 })],
		["not JSON", (stream) => stream.write(FRAME.CONTROL, Buffer.from("{"))],
		["another frame", (stream) => stream.write(FRAME.DATA, new Uint8Array(1))],
		["the end", (stream) => stream.finish()],
		["a reset", (stream) => stream.reset(0)],
	];
	for (const [what, act] of cases) {
		const { dialled, accepted } = await connect();
		const opened = talkOn(accepted);
		const greeted = say(dialled);
		act(await opened);
		await assert.rejects(greeted, { code: "PROTOCOL_ERROR", message: /^Cannot greet: / }, what);
		assert.equal((await accepted.closed).closeCode, CLOSE_CODES.PROTOCOL_ERROR, what);
	}
});

test("greeting: a connection that ends instead of an answer says how", async () => {
	for (const [closeCode, code] of [
		[CLOSE_CODES.CERTIFICATE_REFUSED, "CERTIFICATE_REFUSED"],
		[CLOSE_CODES.HELLO_TIMEOUT, "PEER_TIMEOUT"],
		[0x12_34, "PEER_LOST"],
	] as const) {
		const { dialled, accepted } = await connect();
		const opened = talkOn(accepted);
		const greeted = say(dialled);
		await opened;
		accepted.close(closeCode, "why not");
		await assert.rejects(greeted, { code, message: "Cannot greet: why not" });
	}
	const info: TransportCloseInfo = { by: "error", reason: "", error: new ConecError("CONNECTION_LOST", "timed out") };
	const over = {
		closed: Promise.resolve(info),
		openStream: () => {
			throw new ConecError("CONNECTION_LOST", "the connection is over");
		},
	} as unknown as TransportConnection;
	await assert.rejects(say(over), { code: "PEER_LOST", message: "Cannot greet: timed out" });
});

test("greeting: an abort rejects with its reason and closes the connection with the code for that; afterwards it has no effect", async () => {
	const early = await connect();
	await assert.rejects(say(early.dialled, AbortSignal.abort("early")), (reason) => reason === "early");
	assert.equal((await early.accepted.closed).closeCode, CLOSE_CODES.NORMAL);
	const { dialled, accepted } = await connect();
	const opened = talkOn(accepted);
	const abort = new AbortController();
	const greeted = say(dialled, abort.signal);
	await opened;
	abort.abort("enough");
	await assert.rejects(greeted, (reason) => reason === "enough");
	assert.equal((await accepted.closed).closeCode, CLOSE_CODES.NORMAL);
	const later = await connect();
	const stream = talkOn(later.accepted);
	const both = new AbortController();
	const done = say(later.dialled, both.signal);
	write(await stream, WELCOME);
	const { control } = await done;
	both.abort();
	const alive = control.ping(10_000);
	write(await stream, { type: "pong", nonce: 1 });
	assert.equal(await alive, true);
});

test("greeting: an abort right behind the welcome either has no effect, or rejects and closes the connection", async () => {
	const outcomes = new Set<string>();
	for (let microtasks = 0; microtasks < 12; microtasks++) {
		const { dialled, accepted } = await connect();
		const opened = talkOn(accepted);
		const abort = new AbortController();
		const later = async (): Promise<void> => {
			for (let i = 0; i < microtasks; i++) await null;
			abort.abort("now");
		};
		const greeted = say(dialled, abort.signal, () => void later());
		write(await opened, WELCOME);
		const outcome = await greeted.then(
			() => "greeted",
			(reason: unknown) => reason,
		);
		if (outcome === "now") assert.equal((await accepted.closed).closeCode, CLOSE_CODES.NORMAL, `after ${microtasks} microtasks`);
		outcomes.add(String(outcome));
	}
	assert.deepEqual([...outcomes].sort(), ["greeted", "now"]);
});

test("greeting: anything else than one hello in the first frame, and a second stream, are PROTOCOL_ERROR", async () => {
	const cases: [string, number, Uint8Array, RegExp][] = [
		["another frame", FRAME.OPEN, encodeDirect(HELLO), /not the control stream/],
		["not JSON", FRAME.CONTROL, Buffer.from("{"), /./],
		["another message", FRAME.CONTROL, encodeDirect(WELCOME), /not hello/],
		["a type that nobody knows", FRAME.CONTROL, Buffer.from('{"type":"greetings"}'), /not hello/],
	];
	for (const [what, kind, payload, reason] of cases) {
		const { dialled, accepted } = await connect();
		hearHello<DirectMessage, DirectHello>(accepted, {
			...{ dialect: DIALECT, isHello: (message) => message.type === "hello", metadataBytes: 100, heard: () => assert.fail(what) },
		});
		dialled.openStream({ kind, payload }, silent());
		const ended = await dialled.closed;
		assert.equal(ended.closeCode, CLOSE_CODES.PROTOCOL_ERROR, what);
		assert.match(ended.reason, reason);
	}
	const { dialled } = await heardHello();
	dialled.openStream({ kind: FRAME.CONTROL, payload: encodeDirect(HELLO) }, silent());
	const ended = await dialled.closed;
	assert.deepEqual([ended.closeCode, ended.reason], [CLOSE_CODES.PROTOCOL_ERROR, "a stream before the welcome"]);
});

test("greeting: nothing but the answer follows a hello; what follows the welcome waits for its listener", async () => {
	const hasty = await heardHello();
	more(hasty.answering, CLOSE);
	const ended = await hasty.dialled.closed;
	assert.deepEqual([ended.closeCode, ended.reason], [CLOSE_CODES.PROTOCOL_ERROR, '"close" before the welcome']);
	await turn();
	assert.equal(hasty.answering.over, true);
	const { answering } = await heardHello();
	const { listen } = answering.welcome(WELCOME);
	more(answering, CLOSE, HELLO);
	await turn();
	const { words, events } = recorder();
	listen(events);
	assert.deepEqual(words, ["close", "hello"]);
	assert.equal(answering.over, false);
});

test("greeting: a refusal arrives before the connection is closed with REFUSED", async () => {
	const { dialled, answering, heard } = await heardHello();
	answering.refuse(CLOSE);
	assert.equal((await dialled.closed).closeCode, CLOSE_CODES.REFUSED);
	assert.deepEqual(heard, ["close"]);
});
