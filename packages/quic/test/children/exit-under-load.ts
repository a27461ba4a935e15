// Ends in the middle of everything: `exit`, `throw`, or from inside a handler.
import { startLoad } from "../support/load.ts";

const [how = "exit", delay = "0"] = process.argv.slice(2);
const { server } = await startLoad();
switch (how) {
	case "exit":
		setTimeout(() => process.exit(7), Number(delay));
		break;
	case "throw":
		setTimeout(() => {
			throw new Error("as asked");
		}, Number(delay));
		break;
	case "handler":
		server.onRaw = () => process.exit(7);
		break;
}
