//! `tocsin superadmin`: the one way to become one. Nobody can be made a superadmin over the network.

use super::{Refused, open_store};
use crate::{config::SuperadminArgs, identity::check_password};
use std::io::{IsTerminal, stderr, stdin};
use tocsin_actors::{
    accounts::{User, password::PasswordHash},
    clock::{Clock, SystemClock},
    domain::UserId,
    store::UserKey,
};
use uuid::Uuid;

/// Makes or unmakes a superadmin.
pub async fn run(args: SuperadminArgs) -> anyhow::Result<()> {
    let store = open_store(&args.store).await?;
    let now = SystemClock.now();
    let known = store.find_user(UserKey::Email(args.email.clone())).await?;
    match known {
        Some(user) if user.superadmin != args.revoke => {
            let already = if args.revoke { "is no superadmin" } else { "is a superadmin already" };
            println!("{} {already}", user.email);
        }
        Some(user) => {
            let changed = User { superadmin: !args.revoke, version: user.version + 1, updated_at: now, ..user };
            store.replace_user(changed.clone()).await?;
            println!("{} is {} superadmin", changed.email, if args.revoke { "no longer a" } else { "now a" });
        }
        None if args.revoke => return Err(Refused(format!("nobody has an account with {}", args.email)).into()),
        None => {
            let password = match args.password {
                Some(password) => password.0,
                None => ask()?,
            };
            check_password("password", &password).map_err(|rejection| Refused(rejection.to_string()))?;
            let user = User { superadmin: true, ..User::new(UserId::new(Uuid::now_v7()), args.email.trim(), now) };
            user.check().map_err(|rejection| Refused(rejection.to_string()))?;
            let hash = tokio::task::spawn_blocking(move || PasswordHash::new(&password)).await?;
            let user = User { password: Some(hash), number: store.next_number().await?, ..user };
            store.create_user(user.clone()).await?;
            println!("{} has an account now and is a superadmin", user.email);
        }
    }
    store.settle().await?;
    Ok(())
}

fn ask() -> anyhow::Result<String> {
    if stdin().is_terminal() && stderr().is_terminal() {
        eprint!("Password for the new account (it is shown while you type): ");
    }
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
