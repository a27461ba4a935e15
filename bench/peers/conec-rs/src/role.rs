//! What a process can be asked to do.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use conec::client::IncomingStreams;
use conec::{Client, ClientConfig, Coord, CoordConfig, InStream, OutStream};
use futures::prelude::*;
use serde_json::{json, Value};

use crate::{members, number, percentile, publish, streams, text, Outcome};

/// What this process holds.
#[derive(Default)]
pub struct Role {
	/// Where the coordinator is, once this process is a sender.
	hub: Value,
	coordinator: Option<Coord>,
	client: Option<Client>,
	streams: HashMap<String, (OutStream, InStream)>,
	kept: Vec<(Client, IncomingStreams)>,
	members: Option<Arc<members::Members>>,
	outlet: Option<OutStream>,
}

impl Role {
	pub async fn call(&mut self, method: &str, argument: &Value) -> Outcome<Value> {
		match method {
			"hub" => self.hub(argument).await,
			"receiver" => {
				let (client, mut incoming) = connect(&argument["hub"], "receiver").await?;
				self.client = Some(client);
				tokio::spawn(async move {
					while let Some((_, _, send, receive)) = incoming.next().await {
						tokio::spawn(streams::play(send, receive));
					}
				});
				Ok(json!({}))
			}
			"sender" => {
				let (client, incoming) = connect(&argument["hub"], "sender").await?;
				self.client = Some(client);
				self.hub = argument["hub"].clone();
				std::mem::forget(incoming);
				Ok(json!({}))
			}
			"open" => self.open(text(argument, "path")?).await,
			"bulk" => streams::bulk(self.stream(argument)?, argument).await,
			"rtt" => streams::round_trips(self.stream(argument)?, argument).await,
			"connects" => connects(&self.hub, argument).await,
			"idle" => {
				for index in 0..number(argument, "count")? {
					self.kept.push(connect(&self.hub, &format!("{}-{index}", text(argument, "tag")?)).await?);
				}
				Ok(json!({}))
			}
			"publisher" => {
				let (mut client, incoming) = connect(&argument["where"]["hub"], "publisher").await?;
				let (send, mut receive) = client.new_broadcast(text(argument, "name")?.to_string()).await?;
				// It gets its own messages, too, and must read them.
				tokio::spawn(async move { while let Ok(Some(_)) = receive.try_next().await {} });
				self.outlet = Some(send);
				self.kept.push((client, incoming));
				Ok(json!({}))
			}
			"members" => {
				let count = number(argument, "count")? as usize;
				let members = Arc::new(members::Members::new(count).await?);
				for index in 0..count {
					let (mut client, incoming) = connect(&argument["where"]["hub"], &format!("member-{index}")).await?;
					let (send, receive) = client.new_broadcast(text(argument, "name")?.to_string()).await?;
					// A member that never sends keeps its outlet all the same: to drop it would be to leave.
					std::mem::forget(send);
					tokio::spawn(members::follow(members.clone(), index, receive));
					self.kept.push((client, incoming));
				}
				self.members = Some(members);
				Ok(json!({}))
			}
			"begin" => self.members.as_ref().ok_or("no members")?.begin(),
			"delivered" => self.members.as_ref().ok_or("no members")?.delivered(number(argument, "sent")?).await,
			"publish" => publish::publish(self.outlet.as_mut().ok_or("not a publisher")?, argument).await,
			"collect" => Ok(json!({})),
			_ => Err(format!("no such method: {method}").into()),
		}
	}

	async fn hub(&mut self, argument: &Value) -> Outcome<Value> {
		let directory = PathBuf::from(text(argument, "directory")?);
		let made = rcgen::generate_simple_self_signed(vec!["localhost".to_string()])?;
		let (certificate, key) = (directory.join("conec-rs.der"), directory.join("conec-rs-key.der"));
		std::fs::write(&certificate, made.serialize_der()?)?;
		std::fs::write(&key, made.serialize_private_key_der())?;
		let mut config = CoordConfig::new_from_file(&certificate, &key)?;
		config.set_port(0);
		let coordinator = Coord::new(config).await?;
		let port = coordinator.local_addr().port();
		self.coordinator = Some(coordinator);
		Ok(json!({ "port": port, "certificate": certificate.to_str() }))
	}

	async fn open(&mut self, path: &str) -> Outcome<Value> {
		let client = self.client.as_mut().ok_or("not connected")?;
		let stream = if path == "direct" {
			client.new_channel("receiver".into()).await?;
			client.new_direct_stream("receiver".into()).await?
		} else {
			client.new_proxied_stream("receiver".into()).await?
		};
		self.streams.insert(path.into(), stream);
		Ok(json!({}))
	}

	fn stream(&mut self, argument: &Value) -> Outcome<&mut (OutStream, InStream)> {
		let path = text(argument, "path")?;
		self.streams.get_mut(path).ok_or_else(|| format!("no {path} stream").into())
	}
}

async fn connect(hub: &Value, id: &str) -> Outcome<(Client, IncomingStreams)> {
	let mut config = ClientConfig::new(id.to_string(), "localhost".to_string());
	config.set_ca_from_file(&PathBuf::from(text(hub, "certificate")?))?;
	config.set_port(number(hub, "port")? as u16);
	Ok(Client::new(config).await?)
}

/// Clients one after another, each dropped before the next, which is how this library closes.
async fn connects(hub: &Value, argument: &Value) -> Outcome<Value> {
	let mut millis = Vec::new();
	let all = Instant::now();
	for index in 0..number(argument, "count")? {
		let started = Instant::now();
		let client = connect(hub, &format!("{}-{index}", text(argument, "tag")?)).await?;
		millis.push(started.elapsed().as_secs_f64() * 1e3);
		drop(client);
	}
	let seconds = all.elapsed().as_secs_f64();
	Ok(json!({ "count": millis.len(), "seconds": seconds, "p50": percentile(&mut millis, 0.5), "p99": percentile(&mut millis, 0.99) }))
}
