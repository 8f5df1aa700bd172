//! The canonical API: one file a resource, and the table that leads to all of them.

mod audit;
mod auth;
mod groups;
mod incident_view;
mod incidents;
mod invites;
mod keys;
mod maintenances;
mod members;
mod monitors;
mod organizations;
mod public;
mod response_times;
mod services;
mod table;
mod teams;

pub(in crate::http) use table::table;
