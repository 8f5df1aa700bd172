//! Refresh tokens and their thieves.

use super::*;
use crate::identity::testing::{World, here};
use tocsin_actors::testkit::builders::*;

async fn refresh(world: &World, token: &Secret) -> Result<Tokens, AuthError> {
    world.identity.refresh(token.expose()).await
}

#[tokio::test]
async fn a_refresh_token_is_good_for_one_use_and_leads_to_the_next() {
    let world = World::new().await;
    let user = world.person(1).await;
    let mut tokens = world.login(&user).await.tokens;
    for minute in 1..20 {
        world.clock.set(at(minute * 60));
        let next = refresh(&world, &tokens.refresh_token).await.unwrap();
        assert_ne!(next.refresh_token, tokens.refresh_token);
        assert_eq!(next.session, tokens.session);
        assert!(world.identity.authenticate(next.access_token.expose()).await.is_ok());
        tokens = next;
    }
    let sessions = world.identity.sessions(user.id).await.unwrap();
    let [session] = &sessions[..] else { panic!("{sessions:?}") };
    assert_eq!((session.created_at, session.last_used_at), (start(), at(19 * 60)));
    assert_eq!((session.user_agent.as_deref(), &*session.address), (Some("test/1"), "192.0.2.1"));
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_its_session() {
    let world = World::new().await;
    let user = world.person(1).await;
    let first = world.login(&user).await.tokens;
    let bystander = world.login(&user).await.tokens;
    let second = refresh(&world, &first.refresh_token).await.unwrap();
    world.clock.set(at(11));
    assert_eq!(refresh(&world, &first.refresh_token).await.unwrap_err(), AuthError::Ended);
    assert_eq!(refresh(&world, &second.refresh_token).await.unwrap_err(), AuthError::Ended, "nor may its successor");
    assert_eq!(world.refused(second.access_token.expose()).await, AuthError::Ended);
    assert!(refresh(&world, &bystander.refresh_token).await.is_ok(), "another session of the same user goes on");
}

#[tokio::test]
async fn a_very_old_refresh_token_ends_its_session_too() {
    let world = World::new().await;
    let user = world.person(1).await;
    let first = world.login(&user).await.tokens;
    let mut thief = first.clone();
    for _ in 0..50 {
        thief = refresh(&world, &thief.refresh_token).await.unwrap();
    }
    assert_eq!(refresh(&world, &first.refresh_token).await.unwrap_err(), AuthError::Ended, "its owner comes back");
    assert_eq!(refresh(&world, &thief.refresh_token).await.unwrap_err(), AuthError::Ended);
}

#[tokio::test]
async fn a_client_that_missed_the_answer_asks_again_and_gets_the_same() {
    let world = World::new().await;
    let user = world.person(1).await;
    let first = world.login(&user).await.tokens;
    let missed = refresh(&world, &first.refresh_token).await.unwrap();
    world.clock.set(at(10));
    let again = refresh(&world, &first.refresh_token).await.unwrap();
    assert_eq!(again.refresh_token, missed.refresh_token);
    refresh(&world, &again.refresh_token).await.unwrap();
    assert_eq!(refresh(&world, &first.refresh_token).await.unwrap_err(), AuthError::Ended, "not after it went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_refreshes_at_once_exactly_one_changes_the_token() {
    let world = World::new().await;
    let user = world.person(1).await;
    let tokens = world.login(&user).await.tokens;
    let answers = futures::future::join_all((0..20).map(|_| refresh(&world, &tokens.refresh_token))).await;
    let next: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().refresh_token).collect();
    assert!(next.iter().all(|token| *token == next[0]), "all were told the one successor");
    let record = world.records_of_user(&user).await.remove(0);
    assert_eq!(record.version, 2, "made once, changed once");
}

#[tokio::test]
async fn who_only_knows_a_session_s_id_cannot_end_it() {
    let world = World::new().await;
    let user = world.person(1).await;
    let tokens = world.login(&user).await.tokens;
    let invented = secret::write(Purpose::Refresh, tokens.session, &secret::random());
    assert_eq!(refresh(&world, &invented).await.unwrap_err(), AuthError::Invalid);
    assert!(refresh(&world, &tokens.refresh_token).await.is_ok());
}

#[tokio::test]
async fn an_unused_session_expires_and_a_used_one_does_not() {
    let world = World::new().await;
    let user = world.person(1).await;
    let (unused, used) = (world.login(&user).await.tokens, world.login(&user).await.tokens);
    let day = |n: i64| at(n * 86_400);
    world.clock.set(day(20));
    let used = refresh(&world, &used.refresh_token).await.unwrap();
    world.clock.set(day(40));
    assert_eq!(refresh(&world, &unused.refresh_token).await.unwrap_err(), AuthError::Expired);
    assert_eq!(world.identity.sessions(user.id).await.unwrap().len(), 1);
    assert!(refresh(&world, &used.refresh_token).await.is_ok());
}

#[tokio::test]
async fn neither_the_store_nor_a_used_token_alone_gives_the_next_one_away() {
    let world = World::new().await;
    let user = world.person(1).await;
    let first = world.login(&user).await.tokens;
    let second = refresh(&world, &first.refresh_token).await.unwrap();
    let stored: bson::Document = world.records_of_user(&user).await[0].read().unwrap();
    let stored = stored.to_string();
    for token in [&first, &second] {
        let chance = token.refresh_token.expose().rsplit('_').next().unwrap();
        assert!(!stored.contains(&chance[..32]) && !stored.contains(&chance[32..]), "{stored}");
    }
}

#[tokio::test]
async fn somebody_who_logs_in_without_end_loses_the_oldest_sessions() {
    let world = World::new().await;
    let user = world.person(1).await;
    let first = world.login(&user).await.tokens;
    for _ in 0..MOST {
        world.identity.open_session(&user, here()).await.unwrap();
    }
    assert_eq!(world.identity.sessions(user.id).await.unwrap().len(), MOST);
    assert_eq!(world.refused(first.access_token.expose()).await, AuthError::Ended);
}
