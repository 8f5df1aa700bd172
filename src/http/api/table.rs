//! The table of routes. It reads like the documentation, and is what the documentation is made of.

use super::{
    audit, auth, groups, incidents, invites, keys, maintenances, members, monitors, organizations, public, response_times,
    services, teams,
};
use crate::http::{
    access::May::*,
    live,
    route::{Route, delete, get, patch, post, put},
};

/// Every route of the API.
#[rustfmt::skip] // a table
pub(in crate::http) fn table() -> Vec<Route> {
    vec![
        post  ("/api/v1/auth/register", Anyone, "Make an account, and an organization if wished", auth::register),
        post  ("/api/v1/auth/login", Anyone, "Log in", auth::login),
        post  ("/api/v1/auth/refresh", Anyone, "Get new tokens for a refresh token", auth::refresh),
        post  ("/api/v1/auth/logout", Person, "Log out", auth::logout),
        post  ("/api/v1/auth/password", Person, "Change the password", auth::password),
        get   ("/api/v1/auth/me", Person, "Who you are", auth::me),
        get   ("/api/v1/auth/sessions", Person, "Where you are logged in", auth::sessions),
        delete("/api/v1/auth/sessions/{id}", Person, "Log out somewhere else", auth::end_session),

        get   ("/api/v1/invites/{token}", Anyone, "Look at an invitation", invites::get),
        post  ("/api/v1/invites/{token}/accept", Anyone, "Accept an invitation", invites::accept),

        get   ("/api/v1/orgs", Somebody, "Your organizations", organizations::list),
        post  ("/api/v1/orgs", Person, "Found an organization", organizations::create),
        get   ("/api/v1/orgs/{org}", Read, "An organization", organizations::get),
        patch ("/api/v1/orgs/{org}", Administer, "Change an organization", organizations::change),
        delete("/api/v1/orgs/{org}", Administer, "Delete an organization", organizations::delete),

        get   ("/api/v1/orgs/{org}/members", Read, "Who belongs to it", members::list),
        post  ("/api/v1/orgs/{org}/members", Administer, "Let somebody in who has an account", members::add),
        get   ("/api/v1/orgs/{org}/members/{user}", Read, "A member", members::get),
        patch ("/api/v1/orgs/{org}/members/{user}", Administer, "Change a member's role", members::change),
        delete("/api/v1/orgs/{org}/members/{user}", EndMembership, "End a membership, also one's own", members::remove),

        get   ("/api/v1/orgs/{org}/invites", Administer, "Open invitations", invites::list),
        post  ("/api/v1/orgs/{org}/invites", Administer, "Invite somebody", invites::create),
        delete("/api/v1/orgs/{org}/invites/{id}", Administer, "Take an invitation back", invites::delete),

        get   ("/api/v1/orgs/{org}/teams", Read, "Teams", teams::list),
        post  ("/api/v1/orgs/{org}/teams", Administer, "Make a team", teams::create),
        get   ("/api/v1/orgs/{org}/teams/{id}", Read, "A team", teams::get),
        patch ("/api/v1/orgs/{org}/teams/{id}", LeadTeam, "Change a team", teams::change),
        delete("/api/v1/orgs/{org}/teams/{id}", Administer, "Delete a team", teams::delete),
        put   ("/api/v1/orgs/{org}/teams/{id}/members/{user}", LeadTeam, "Put somebody into a team", teams::set_member),
        delete("/api/v1/orgs/{org}/teams/{id}/members/{user}", LeadTeam, "Take somebody out of a team", teams::remove_member),

        get   ("/api/v1/orgs/{org}/groups", Read, "Groups of services", groups::list),
        post  ("/api/v1/orgs/{org}/groups", Operate, "Make a group", groups::create),
        post  ("/api/v1/orgs/{org}/groups/reorder", Operate, "Put groups in order", groups::reorder),
        get   ("/api/v1/orgs/{org}/groups/{id}", Read, "A group", groups::get),
        patch ("/api/v1/orgs/{org}/groups/{id}", Operate, "Change a group", groups::change),
        delete("/api/v1/orgs/{org}/groups/{id}", Operate, "Delete a group", groups::delete),

        get   ("/api/v1/orgs/{org}/services", Read, "Services", services::list),
        post  ("/api/v1/orgs/{org}/services", Operate, "Make a service", services::create),
        post  ("/api/v1/orgs/{org}/services/reorder", Operate, "Put services in order", services::reorder),
        get   ("/api/v1/orgs/{org}/services/{id}", Read, "A service", services::get),
        patch ("/api/v1/orgs/{org}/services/{id}", OperateService, "Change a service, its status included", services::change),
        delete("/api/v1/orgs/{org}/services/{id}", Administer, "Delete a service", services::delete),
        get   ("/api/v1/orgs/{org}/services/{id}/history", Read, "What its status has been", services::history),
        get   ("/api/v1/orgs/{org}/services/{id}/uptime", Read, "How much of the last days it worked", services::uptime),

        get   ("/api/v1/orgs/{org}/incidents", Read, "Incidents", incidents::list),
        post  ("/api/v1/orgs/{org}/incidents", Operate, "Open an incident, or fill one in", incidents::create),
        get   ("/api/v1/orgs/{org}/incidents/{id}", Read, "An incident", incidents::get),
        patch ("/api/v1/orgs/{org}/incidents/{id}", Operate, "Change an incident", incidents::change),
        delete("/api/v1/orgs/{org}/incidents/{id}", Administer, "Delete an incident", incidents::delete),
        post  ("/api/v1/orgs/{org}/incidents/{id}/updates", Operate, "Tell what is new", incidents::post_update),
        patch ("/api/v1/orgs/{org}/incidents/{id}/updates/{update}", Operate, "Edit what was told", incidents::edit_update),
        delete("/api/v1/orgs/{org}/incidents/{id}/updates/{update}", Operate, "Delete what was told", incidents::delete_update),
        post  ("/api/v1/orgs/{org}/incidents/{id}/resolve", Operate, "Resolve an incident", incidents::resolve),
        put   ("/api/v1/orgs/{org}/incidents/{id}/postmortem", Operate, "Write what was learned", incidents::set_postmortem),
        delete("/api/v1/orgs/{org}/incidents/{id}/postmortem", Operate, "Take back what was learned", incidents::remove_postmortem),

        get   ("/api/v1/orgs/{org}/maintenances", Read, "Maintenances", maintenances::list),
        post  ("/api/v1/orgs/{org}/maintenances", Operate, "Plan a maintenance", maintenances::create),
        get   ("/api/v1/orgs/{org}/maintenances/{id}", Read, "A maintenance", maintenances::get),
        patch ("/api/v1/orgs/{org}/maintenances/{id}", Operate, "Change a maintenance", maintenances::change),
        delete("/api/v1/orgs/{org}/maintenances/{id}", Administer, "Delete a maintenance", maintenances::delete),
        post  ("/api/v1/orgs/{org}/maintenances/{id}/updates", Operate, "Tell what is new", maintenances::post_update),
        post  ("/api/v1/orgs/{org}/maintenances/{id}/start", Operate, "Begin it now", maintenances::start),
        post  ("/api/v1/orgs/{org}/maintenances/{id}/complete", Operate, "End it now", maintenances::complete),
        post  ("/api/v1/orgs/{org}/maintenances/{id}/cancel", Operate, "Call it off", maintenances::cancel),

        get   ("/api/v1/orgs/{org}/monitors", Read, "Website checks", monitors::list),
        post  ("/api/v1/orgs/{org}/monitors", Operate, "Check a website from now on", monitors::create),
        get   ("/api/v1/orgs/{org}/monitors/{id}", Read, "A website check", monitors::get),
        patch ("/api/v1/orgs/{org}/monitors/{id}", Operate, "Change a website check", monitors::change),
        delete("/api/v1/orgs/{org}/monitors/{id}", Administer, "Delete a website check", monitors::delete),
        post  ("/api/v1/orgs/{org}/monitors/{id}/check", Operate, "Check it now", monitors::check),
        get   ("/api/v1/orgs/{org}/monitors/{id}/history", Read, "When it went down and came back", monitors::history),
        get   ("/api/v1/orgs/{org}/monitors/{id}/response-times", Read, "How long answers took, and uptime", response_times::get),

        get   ("/api/v1/orgs/{org}/audit", Administer, "Who changed what", audit::list),
        get   ("/api/v1/orgs/{org}/keys", Administer, "API keys", keys::list),
        post  ("/api/v1/orgs/{org}/keys", Administer, "Make an API key", keys::create),
        delete("/api/v1/orgs/{org}/keys/{id}", Administer, "Delete an API key", keys::delete),

        get   ("/api/v1/orgs/{org}/events", Anyone, "Everything that changes, live: Server-Sent Events", live::events),
        get   ("/api/v1/public/{slug}", Anyone, "A page as visitors see it", public::page),
        get   ("/api/v1/public/{slug}/incidents", Anyone, "Public incidents", public::incidents),
        get   ("/api/v1/public/{slug}/incidents/{id}", Anyone, "A public incident or maintenance", public::incident),
        get   ("/api/v1/public/{slug}/maintenances", Anyone, "Public maintenances", public::maintenances),
        get   ("/api/v1/public/{slug}/uptime", Anyone, "How much of the last days it worked", public::uptime),
        get   ("/api/v1/public/{slug}/monitors", Anyone, "Public website checks, and how long answers took", public::monitors),
    ]
}
