// Must end without being told to, in the way asked for.
import { Endpoint } from "../../src/index.ts";
import { startLoad } from "../support/load.ts";

const [how = "close"] = process.argv.slice(2);
switch (how) {
	case "unused":
		break;
	case "unref": {
		const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
		endpoint.unref();
		endpoint.ref();
		endpoint.unref();
		endpoint.unref();
		break;
	}
	case "close": {
		const { server, client } = await startLoad();
		await client.close();
		await server.close();
		break;
	}
	case "close-unref": {
		const { server, client } = await startLoad();
		client.unref();
		await server.close();
		await client.close(); // only this keeps the process now
		const again = Endpoint.bind({ host: "127.0.0.1", port: 0 });
		await again.close();
		break;
	}
	case "open": {
		Endpoint.bind({ host: "127.0.0.1", port: 0 });
		break;
	}
}
console.log("over");
