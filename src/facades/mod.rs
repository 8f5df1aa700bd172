//! Other backends with the same purpose, spoken exactly: the front ends that were written against them work here, unmodified.
//!
//! ```text
//! their front end ──► its own address ──► a facade's lines ──► Command ──► the same actors as everybody's
//!        ▲                                                                        │
//!        └──────── Socket.IO, or its own stream ◄── its words for it ◄── committed ◄──┘
//! ```
//!
//! A facade is a folder: routes, shapes, a map of words, and what it says when something has happened. It sends the same
//! commands as everybody, hears of the same commits, and keeps nothing. What all of them share is beside this file: how one
//! is chosen and opened ([`opening`]), how what clients say is heard ([`hearing`]), and how what has happened gets to them
//! ([`telling`]). How they are served is in `http::facade`. For a sixth: a folder, and its name in [`opening`].

mod fastapi;
mod flask;
mod hearing;
pub mod opening;
mod plive;
mod prisma;
mod statusnexus;
mod telling;

pub use opening::{Name, NotOpened, OpenTo, Opening, Reached};
