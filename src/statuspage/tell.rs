//! What the vendor's fields mean for us.

use super::{
    ids::ShortId,
    shapes::{self, AffectedComponent, Component, Maintenance, PageHead, Rollup, Zoned},
};
use crate::page::Audience;
use chrono_tz::Tz;
use std::{cmp::Reverse, sync::Arc};
use tocsin_actors::domain::{
    GroupId, Incident, Org, Timestamp,
    entities::{Organization, Service, ServiceGroup},
    incident::{AffectedChange, Update},
    status::{Impact, IncidentStatus, Kind, ServiceStatus},
};

/// Tells of one organization as its visitors see it.
pub(super) struct Teller<'a> {
    pub(super) org: &'a Org,
    organization: &'a Arc<Organization>,
    address: &'a str,
    services: Vec<&'a Service>,
    groups: Vec<&'a ServiceGroup>,
    components: Vec<Component>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(org: &'a Org, address: &'a str) -> Option<Self> {
        let services = Audience::Public.services(org);
        let groups = Audience::Public.groups(org, &services);
        let mut this = Self { org, organization: org.organization()?, address, services, groups, components: Vec::new() };
        this.components = this.all_components();
        Some(this)
    }

    fn zone(&self) -> Tz {
        self.organization.time_zone
    }

    fn at(&self, time: Timestamp) -> Zoned {
        Zoned(time, self.zone())
    }

    fn page_id(&self) -> ShortId {
        ShortId::of(self.org.id().uuid())
    }

    pub(super) fn page(&self) -> PageHead {
        let changed = Audience::Public.last_changed(self.org).unwrap_or(self.organization.updated_at);
        PageHead {
            id: self.page_id(),
            name: self.organization.name.clone(),
            url: self.address.to_owned(),
            time_zone: if self.zone() == Tz::UTC { Tz::Etc__UTC.name() } else { self.zone().name() },
            updated_at: self.at(changed),
        }
    }

    pub(super) fn rollup(&self) -> Rollup {
        if self.services.is_empty() {
            // Nothing else says how it is.
            let worst = Audience::Public.active(self.org).into_iter().map(|incident| incident.impact).max();
            return of_incident(worst.unwrap_or(Impact::None));
        }
        of_services(self.services.iter().map(|service| service.status))
    }

    pub(super) fn components(&self) -> &[Component] {
        &self.components
    }

    /// Services that stand alone, then groups, then what is in these, by their position among their own.
    fn all_components(&self) -> Vec<Component> {
        let alone = self.within(None);
        let groups = self.groups.iter().enumerate().map(|(at, group)| self.group(alone.len() + at + 1, group));
        let children = self.groups.iter().flat_map(|group| self.within(Some(group.id)));
        let mut all: Vec<_> = alone.iter().cloned().chain(groups).chain(children).collect();
        all.sort_by_key(|component| component.position);
        all
    }

    fn within(&self, group: Option<GroupId>) -> Vec<Component> {
        let here = self.services.iter().filter(|service| service.group == group).enumerate();
        here.map(|(at, service)| self.component(at + 1, service)).collect()
    }

    fn component(&self, position: usize, service: &Service) -> Component {
        let created = service.created_at.utc().with_timezone(&self.zone());
        Component {
            id: ShortId::of(service.id.uuid()),
            name: service.name.clone(),
            status: service.status,
            created_at: self.at(service.created_at),
            updated_at: self.at(service.last_changed()),
            position,
            description: text(&service.description),
            showcase: true,
            start_date: Some(created.format("%Y-%m-%d").to_string()),
            group_id: service.group.map(|group| ShortId::of(group.uuid())),
            page_id: self.page_id(),
            group: false,
            only_show_if_degraded: false,
            components: None,
        }
    }

    fn group(&self, position: usize, group: &ServiceGroup) -> Component {
        let children = || self.services.iter().filter(|service| service.group == Some(group.id));
        Component {
            id: ShortId::of(group.id.uuid()),
            name: group.name.clone(),
            status: children().map(|service| service.status).max().unwrap_or(ServiceStatus::Operational),
            created_at: self.at(group.created_at),
            updated_at: self.at(children().map(|service| service.last_changed()).fold(group.updated_at, Timestamp::max)),
            position,
            description: text(&group.description),
            showcase: false,
            start_date: None,
            group_id: None,
            page_id: self.page_id(),
            group: true,
            only_show_if_degraded: false,
            components: Some(children().map(|service| ShortId::of(service.id.uuid())).collect()),
        }
    }

    pub(super) fn incident(&self, incident: &Incident) -> shapes::Incident {
        let id = ShortId::of(incident.id.uuid());
        let affected: Vec<_> = incident.affected.iter().filter_map(|one| Some(ShortId::of(one.service?.uuid()))).collect();
        let touched = self.components.iter().filter(|component| !component.group && affected.contains(&component.id));
        shapes::Incident {
            id,
            name: incident.title.clone(),
            status: if incident.postmortem.is_some() { "postmortem" } else { word(incident.status) },
            created_at: self.at(incident.created_at),
            updated_at: self.at(incident.updated_at),
            monitoring_at: incident.monitoring_at.map(|at| self.at(at)),
            resolved_at: incident.resolved_at.or(incident.actual_end).map(|at| self.at(at)),
            impact: if incident.kind() == Kind::Maintenance { "maintenance" } else { incident.impact.as_str() },
            shortlink: format!("{}/incidents/{}", self.address, incident.id),
            started_at: self.at(incident.started_at),
            page_id: self.page_id(),
            incident_updates: self.updates(incident),
            components: touched.cloned().collect(),
            reminder_intervals: None,
        }
    }

    pub(super) fn maintenance(&self, incident: &Incident) -> Maintenance {
        Maintenance {
            incident: self.incident(incident),
            scheduled_for: incident.scheduled_start.map(|at| self.at(at)),
            scheduled_until: incident.scheduled_end.map(|at| self.at(at)),
        }
    }

    /// Newest first, and never none: programs read the first one without looking.
    fn updates(&self, incident: &Incident) -> Vec<shapes::Update> {
        let incident_id = ShortId::of(incident.id.uuid());
        let mut updates: Vec<&Update> = incident.updates.iter().collect();
        updates.sort_by_key(|update| Reverse((update.shown_at, update.number)));
        let told = updates.into_iter().map(|update| shapes::Update {
            id: ShortId::of(update.id.uuid()),
            created_at: self.at(update.created_at),
            updated_at: self.at(update.updated_at),
            display_at: self.at(update.shown_at),
            affected_components: self.touched(&update.affected),
            ..self.update(incident_id, word(update.status), &update.message, incident.created_at)
        });
        let postmortem = incident.postmortem.iter().map(|postmortem| shapes::Update {
            id: ShortId::under(incident.id.uuid(), "postmortem"),
            updated_at: self.at(postmortem.updated_at),
            ..self.update(incident_id, "postmortem", &postmortem.body, postmortem.published_at)
        });
        let mut all: Vec<_> = postmortem.chain(told).collect();
        if all.is_empty() {
            let body = if incident.description.is_empty() { &incident.title } else { &incident.description };
            let id = ShortId::under(incident.id.uuid(), "opened");
            all.push(shapes::Update { id, ..self.update(incident_id, word(incident.status), body, incident.created_at) });
        }
        all
    }

    fn update(&self, incident_id: ShortId, status: &'static str, body: &str, at: Timestamp) -> shapes::Update {
        shapes::Update {
            id: incident_id,
            status,
            body: html(body),
            incident_id,
            created_at: self.at(at),
            updated_at: self.at(at),
            display_at: self.at(at),
            affected_components: None,
            deliver_notifications: true,
            custom_tweet: None,
            tweet_id: None,
        }
    }

    fn touched(&self, changes: &[AffectedChange]) -> Option<Vec<AffectedComponent>> {
        let touched: Vec<_> = changes
            .iter()
            .filter_map(|change| {
                let service = self.services.iter().find(|service| Some(service.id) == change.service)?;
                let group = self.groups.iter().find(|group| Some(group.id) == service.group);
                let now = change.to.or(change.from).unwrap_or(ServiceStatus::Operational);
                Some(AffectedComponent {
                    code: ShortId::of(service.id.uuid()),
                    name: group.map_or(service.name.clone(), |group| format!("{} - {}", group.name, service.name)),
                    old_status: change.from.unwrap_or(ServiceStatus::Operational),
                    new_status: now,
                })
            })
            .collect();
        if touched.is_empty() { None } else { Some(touched) }
    }
}

fn text(text: &str) -> Option<String> {
    if text.is_empty() { None } else { Some(text.to_owned()) }
}

/// The vendor has no word for a maintenance that was called off.
fn word(status: IncidentStatus) -> &'static str {
    if status == IncidentStatus::Cancelled { IncidentStatus::Completed.as_str() } else { status.as_str() }
}

/// Text as HTML: what is in these fields is put into pages as it is.
pub(crate) fn html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' => html.push_str("<br />\n"),
            '\r' => {}
            letter => html.push(letter),
        }
    }
    html
}

/// The vendor's ladder: the first rule that holds.
fn of_services(statuses: impl Iterator<Item = ServiceStatus> + Clone) -> Rollup {
    use ServiceStatus::{DegradedPerformance, MajorOutage, PartialOutage, UnderMaintenance};
    let all = |status| statuses.clone().all(|one| one == status);
    let any = |status| statuses.clone().any(|one| one == status);
    let (indicator, description) = if all(MajorOutage) {
        ("critical", "Major System Outage")
    } else if any(MajorOutage) || all(PartialOutage) {
        ("major", "Partial System Outage")
    } else if any(PartialOutage) {
        ("minor", "Minor Service Outage")
    } else if all(DegradedPerformance) {
        ("minor", "Degraded System Service")
    } else if any(DegradedPerformance) {
        ("minor", "Partially Degraded Service")
    } else if any(UnderMaintenance) {
        ("maintenance", "Service Under Maintenance")
    } else {
        ("none", "All Systems Operational")
    };
    Rollup { indicator, description }
}

fn of_incident(impact: Impact) -> Rollup {
    let description = match impact {
        Impact::None => "All Systems Operational",
        Impact::Minor => "Minor Service Outage",
        Impact::Major => "Partial System Outage",
        Impact::Critical => "Major System Outage",
    };
    Rollup { indicator: impact.as_str(), description }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServiceStatus::*;

    #[test]
    fn the_ladder_is_the_vendors() {
        let cases: &[(&[ServiceStatus], &str, &str)] = &[
            (&[MajorOutage, MajorOutage], "critical", "Major System Outage"),
            (&[MajorOutage, Operational], "major", "Partial System Outage"),
            (&[PartialOutage, PartialOutage], "major", "Partial System Outage"),
            (&[PartialOutage, UnderMaintenance], "minor", "Minor Service Outage"),
            (&[DegradedPerformance], "minor", "Degraded System Service"),
            (&[DegradedPerformance, UnderMaintenance], "minor", "Partially Degraded Service"),
            (&[UnderMaintenance, Operational], "maintenance", "Service Under Maintenance"),
            (&[Operational, Operational], "none", "All Systems Operational"),
        ];
        for (statuses, indicator, description) in cases {
            let rollup = of_services(statuses.iter().copied());
            assert_eq!(rollup, Rollup { indicator, description }, "{statuses:?}");
        }
    }

    #[test]
    fn what_is_told_is_never_markup() {
        assert_eq!(html("a <script>\n\"&'"), "a &lt;script&gt;<br />\n&quot;&amp;&#39;");
    }
}
