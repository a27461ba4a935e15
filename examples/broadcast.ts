/**
 * A room: everybody hears everybody in one order, sees who is there, and a latecomer begins with what was said before.
 *
 *     node --conditions=source --import tsx examples/broadcast.ts
 */

import { type BroadcastStream, Client, Coordinator } from "conec";

const coordinator = await Coordinator.listen({ port: 0, broadcasts: { "room.*": { history: { messages: 50 } } } });
const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((id) => Client.connect({ id, ...where })));
if (alice === undefined || bob === undefined || carol === undefined) throw new Error("three are connected");

async function listen(name: string, room: BroadcastStream): Promise<void> {
	for await (const event of room) {
		switch (event.type) {
			case "message":
				console.log(`${name} hears ${event.sender}: ${new TextDecoder().decode(event.data)}`);
				break;
			case "gap":
				console.log(`${name} was too slow and missed ${event.lost} messages`);
				break;
			case "members":
				console.log(`${name} sees ${event.members.map(({ id }) => id).join(" and ")}`);
				break;
			case "rejoined":
				console.log(`${name} is back${event.recovered ? "" : ", and may have missed something"}`);
				break;
			default:
				console.log(`${name} sees ${event.peer.id} ${event.type}`);
		}
	}
	// The last who could have said something has gone.
	console.log(`${name}: the room is closed`);
}

const atAlice = await alice.joinBroadcast("room.kitchen", { presence: true });
const hearing = [listen("alice", atAlice)];
const atBob = await bob.joinBroadcast("room.kitchen");
hearing.push(listen("bob", atBob));
await atAlice.send("the kettle boils");
await atBob.send("coming");
// Everything that bob has sent has its place when this resolves.
await atBob.finish();

const atCarol = await carol.joinBroadcast("room.kitchen", { mode: "receive", last: 10 });
hearing.push(listen("carol", atCarol));
const { senders, receivers } = await carol.countBroadcast("room.kitchen");
console.log(`in the room: ${senders} can send, ${receivers} hear`);
await atAlice.finish();

await Promise.all(hearing);
await Promise.all([alice.close(), bob.close(), carol.close()]);
await coordinator.close();
