//! What clients say over Socket.IO, heard in the order in which they say it.

use serde_json::Value;
use socketioxide::{
    SocketIo,
    extract::{SocketRef, TryData},
};
use std::future::ready;

/// Who knows nobody must not be able to fill the house: more rooms than anybody needs, and how long one may be called.
const MOST_ROOMS: usize = 50;
const LONGEST_ROOM: usize = 250;

/// What is done when something is said; with what was said, if that can be read.
pub(super) type Then = fn(&SocketRef, Option<Value>);

/// Hears these, and nothing else. All of it is done before the next message is looked at: what waits has a task for each
/// message, and they overtake each other.
pub(super) fn listen<const N: usize>(io: &SocketIo, heard: [(&'static str, Then); N]) {
    io.ns("/", move |socket: SocketRef| {
        for (event, then) in heard {
            socket.on(event, move |socket: SocketRef, TryData(said): TryData<Value>| {
                then(&socket, said.ok());
                ready(())
            });
        }
        ready(())
    });
}

/// Says something to one client.
pub(super) fn say(socket: &SocketRef, event: &str, data: &Value) {
    let _ = socket.emit(event, data); // who is gone needs no answer
}

/// Lets a client into a room, if there is a limit to it.
pub(super) fn enter(socket: &SocketRef, room: String) -> bool {
    let may = room.len() <= LONGEST_ROOM && socket.rooms().len() < MOST_ROOMS;
    if may {
        socket.join(room);
    }
    may
}
