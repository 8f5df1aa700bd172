//! What its incidents do to services.

use super::{Client, DANA};
use crate::support::on_both_stores;
use futures::future::join_all;
use serde_json::json;
use tocsin::facades::Name;

#[tokio::test]
async fn an_incident_gives_services_the_status_of_its_impact_and_never_a_better_one() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        for (impact, status) in [("minor", "degraded"), ("major", "partial_outage"), ("critical", "major_outage")] {
            let service = dana.make("Well", "operational").await;
            let incident = dana.open(impact, &[service, service, 999_999]).await;
            assert_eq!(dana.status_of(service).await, status);
            dana.change(&format!("/api/incidents/{incident}"), json!({ "status": "resolved" })).await;
            assert_eq!(dana.status_of(service).await, "operational", "after {impact}");
        }
        let service = dana.make("Worse", "major_outage").await;
        let incident = dana.open("minor", &[service]).await;
        assert_eq!(dana.status_of(service).await, "major_outage");
        let body = json!({ "title": "Was", "status": "resolved", "impact": "critical", "affected_service_ids": [service] });
        assert_eq!(dana.ask("POST", "/api/incidents", Some(&body)).await.0, 200);
        assert_eq!(dana.status_of(service).await, "major_outage");
        dana.change(&format!("/api/incidents/{incident}"), json!({ "impact": "major" })).await;
        assert_eq!(dana.status_of(service).await, "partial_outage", "its own impact has the last word");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_service_is_well_when_the_last_of_its_incidents_is_over() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        let service = dana.make("Both", "operational").await;
        let path = |incident: i64| format!("/api/incidents/{incident}");
        let (first, second) = (dana.open("critical", &[service]).await, dana.open("minor", &[service]).await);
        assert_eq!(dana.status_of(service).await, "major_outage");
        // The other one is worse: what is said of this one changes nothing.
        dana.change(&path(second), json!({ "impact": "major" })).await;
        assert_eq!(dana.status_of(service).await, "major_outage");
        dana.change(&path(first), json!({ "status": "resolved" })).await;
        assert_eq!(dana.status_of(service).await, "major_outage", "it keeps its status");
        dana.change(&path(second), json!({ "impact": "minor" })).await;
        assert_eq!(dana.status_of(service).await, "degraded");
        // A hand has the last word until it is over.
        dana.change(&format!("/api/services/{service}/status"), json!({ "status": "partial_outage" })).await;
        dana.change(&path(second), json!({ "status": "monitoring" })).await;
        assert_eq!(dana.status_of(service).await, "partial_outage");
        assert_eq!(dana.ask("DELETE", &path(second), None).await.0, 200);
        assert_eq!(dana.status_of(service).await, "operational");
        // What is long over changes nothing any more.
        dana.change(&format!("/api/services/{service}/status"), json!({ "status": "degraded" })).await;
        assert_eq!(dana.ask("DELETE", &path(first), None).await.0, 200);
        assert_eq!(dana.status_of(service).await, "degraded");
        // Whom an incident affects is said without doing anything to them.
        let (third, other) = (dana.open("major", &[]).await, dana.make("Other", "operational").await);
        dana.change(&path(third), json!({ "service_ids": [other, 999_999] })).await;
        assert_eq!(dana.status_of(other).await, "operational");
        let (_, shown) = dana.ask("GET", &path(third), None).await;
        assert_eq!(shown["affected_services"][0]["service_id"], other);
        assert_eq!(dana.ask("DELETE", &format!("/api/services/{other}"), None).await.0, 204);
        let (_, shown) = dana.ask("GET", &path(third), None).await;
        assert_eq!(shown["affected_services"][0]["name"], "Other", "it is still named");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn of_incidents_that_are_opened_at_once_the_worst_counts_and_the_last_one_ends_it() {
    on_both_stores(Name::Fastapi, |server| async move {
        let dana = Client::of(&server, DANA).await;
        for _ in 0..5 {
            let service = dana.make("Contested", "operational").await;
            let impacts = ["critical", "minor", "major", "minor", "major", "minor"];
            let services = [service];
            let opened = join_all(impacts.map(|impact| dana.open(impact, &services))).await;
            assert_eq!(dana.status_of(service).await, "major_outage");
            let paths: Vec<_> = opened.iter().map(|incident| format!("/api/incidents/{incident}")).collect();
            join_all(paths.iter().map(|path| dana.change(path, json!({ "status": "resolved" })))).await;
            assert_eq!(dana.status_of(service).await, "operational");
        }
        server.stop().await;
    })
    .await;
}
