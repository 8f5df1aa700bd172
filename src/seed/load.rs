//! Brings fixtures to life. First everything is looked at (`survey`): users, names, organizations, what is missing, and
//! whether every rule agrees; nothing is written while there is a problem. Then it is done (`carry_out`): users, the
//! names and the number of an organization, and all its orders in one request.
//!
//! Every step can be repeated: ids follow from names, and claiming one's own name again is fine. So dying anywhere in
//! between is healed by the next run.

use super::{
    fixture::{Fixture, OrgSpec, Password, UserSpec},
    ids::{self, Ids},
    plan::{Circumstances, Counts, Plan},
    problem::{Problem, Spot},
    rehearse::{self, Rehearsal},
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tocsin_actors::{
    accounts::{User, founding, password::PasswordHash},
    directory::Directory,
    domain::{Command, Name, Org, Slug, Timestamp, UserId, entities::names},
    org::OrgError,
    readings::{Reading, Span},
    store::{AccountError, Store, StoreError, UserKey},
};

/// How often an organization is tried that is busy, not available, or changed by somebody at the same time.
const TRIES: u32 = 8;

/// Loads fixtures into an installation.
#[derive(Clone)]
pub struct Loader {
    store: Arc<dyn Store>,
    directory: Directory,
    now: Timestamp,
    /// When it was `now`: a name is claimed when it is, or it would look like one that somebody gave up long ago.
    began: Instant,
    /// Whether an organization may be made in several requests when it is too large for one.
    may_split: bool,
}

/// Why a fixture was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is wrong, or does not fit what is there. Nothing was changed.
    #[error("the fixture has problems")]
    Problems(Vec<Problem>),
    /// Users, names or numbers could not be read or written.
    #[error("accounts: {0}")]
    Account(#[from] AccountError),
    /// An organization could not be read or written.
    #[error("{slug}: {error}; it is safe to run this again")]
    Org {
        /// Which.
        slug: Slug,
        /// Why.
        error: OrgError,
    },
}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

/// What a fixture would change.
#[derive(Debug)]
pub struct Survey {
    /// The users that the fixture names, by symbolic id.
    users: BTreeMap<String, UserId>,
    /// Which of them must be made.
    missing: Vec<UserSpec>,
    /// What must be done for each organization, in the order of the fixture.
    orgs: Vec<Outcome>,
}

/// What is, or would be, done for one organization.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which.
    pub slug: Slug,
    /// It was not there before.
    pub is_new: bool,
    /// What it has and what of that is new.
    pub counts: Counts,
    /// How many orders that took.
    pub orders: usize,
    /// In how many requests.
    pub requests: usize,
}

impl Survey {
    /// What is missing of users: all that are named, and those who must be made.
    pub fn users(&self) -> (usize, usize) {
        (self.users.len(), self.missing.len())
    }
    /// What would be done for each organization.
    pub fn organizations(&self) -> &[Outcome] {
        &self.orgs
    }
}

impl Loader {
    /// A loader for which it is `now`: what relative times are relative to.
    pub fn new(store: Arc<dyn Store>, directory: Directory, now: Timestamp) -> Self {
        Self { store, directory, now, began: Instant::now(), may_split: false }
    }

    /// Lets organizations be made in several requests when they are too large for one. For generated data only: after a
    /// crash in between, the next run makes the entities that are missing, but a timeline that was cut off stays so.
    pub fn splitting(self) -> Self {
        Self { may_split: true, ..self }
    }

    /// Looks at everything and changes nothing.
    pub async fn survey(&self, fixture: &Fixture) -> Result<Survey, LoadError> {
        let mut problems = Vec::new();
        let mut users = BTreeMap::new();
        let mut missing = Vec::new();
        for spec in &fixture.users {
            let id = match self.known(spec).await? {
                Some(id) => id,
                None => {
                    self.check(spec, &mut problems).await?;
                    missing.push(spec.clone());
                    ids::user(&spec.email.value)
                }
            };
            users.insert(spec.id.value.clone(), id);
        }
        let mut orgs = Vec::new();
        for spec in &fixture.organizations {
            match self.planned(spec, &users).await {
                Ok((plan, rehearsal)) => orgs.push(outcome(spec, &plan, rehearsal.chunks(&plan.steps).len())),
                Err(LoadError::Problems(more)) => problems.extend(more),
                Err(error) => return Err(error),
            }
        }
        if problems.is_empty() { Ok(Survey { users, missing, orgs }) } else { Err(LoadError::Problems(problems)) }
    }

    /// Makes what is missing. `tell` hears of each organization as soon as it is done.
    pub async fn carry_out(
        &self,
        fixture: &Fixture,
        survey: Survey,
        mut tell: impl FnMut(&Outcome),
    ) -> Result<Vec<Outcome>, LoadError> {
        let users = self.make_users(survey).await?;
        let mut outcomes = Vec::new();
        for spec in &fixture.organizations {
            let outcome = self.organization(spec, &users).await?;
            tell(&outcome);
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// Makes the users that are missing and says who everybody is.
    pub async fn make_users(&self, survey: Survey) -> Result<BTreeMap<String, UserId>, LoadError> {
        let mut users = survey.users;
        for spec in survey.missing {
            let id = self.make_user(&spec).await?;
            users.insert(spec.id.value, id);
        }
        Ok(users)
    }

    /// Makes what is missing of one organization.
    pub async fn organization(&self, spec: &OrgSpec, users: &BTreeMap<String, UserId>) -> Result<Outcome, LoadError> {
        let mut first = None;
        for attempt in 1.. {
            let (mut plan, rehearsal) = self.planned(spec, users).await?;
            let requests = rehearsal.chunks(&plan.steps).len();
            let outcome = first.get_or_insert_with(|| outcome(spec, &plan, requests));
            let outcome = outcome.clone();
            if plan.is_new {
                self.found(spec, &mut plan).await?;
            }
            let error = match self.execute(&plan, &rehearsal).await {
                Ok(()) => return self.add_readings(plan.readings).await.map(|()| outcome),
                Err(error) => error,
            };
            let wait = match &error {
                // Somebody else changed it since it was looked at: look again.
                OrgError::Rejected { .. } | OrgError::OutcomeUnknown => Duration::ZERO,
                OrgError::Busy { retry_after } | OrgError::Unavailable { retry_after, .. } => *retry_after,
                OrgError::TooLarge => Duration::MAX,
            };
            if attempt == TRIES || wait == Duration::MAX {
                return Err(LoadError::Org { slug: spec.slug.clone(), error });
            }
            tokio::time::sleep(wait).await;
        }
        unreachable!("the last try returns")
    }

    async fn execute(&self, plan: &Plan, rehearsal: &Rehearsal) -> Result<(), OrgError> {
        for chunk in rehearsal.chunks(&plan.steps) {
            let orders = chunk.iter().map(|step| step.order.clone()).collect();
            self.directory.execute(plan.org, orders).await?;
        }
        Ok(())
    }

    /// What checks have found, of monitors of which nothing is known: the others have checked since, or were loaded before.
    async fn add_readings(&self, all: Vec<Vec<Reading>>) -> Result<(), LoadError> {
        let ever = (Timestamp::from_millis(0), self.now.after(Span::Day.length()));
        for readings in all {
            let Some(monitor) = readings.first().map(|reading| reading.monitor) else { continue };
            if self.store.readings(monitor, Span::Day, ever.0, ever.1, 1).await?.is_empty() {
                self.store.add_readings(readings).await?;
            }
        }
        Ok(())
    }

    /// The plan against the organization as it is now, and what comes of it.
    async fn planned(&self, spec: &OrgSpec, users: &BTreeMap<String, UserId>) -> Result<(Plan, Rehearsal), LoadError> {
        let org = self.view(spec, Ids::of(&spec.slug).org()).await?;
        if org.organization().is_none() && !org.is_deleted() {
            self.names_are_free(spec).await?;
        }
        let circumstances = Circumstances { now: self.now, users, org: &org, number: 0 };
        let plan = Plan::new(spec, circumstances).map_err(LoadError::Problems)?;
        let rehearsal = Rehearsal::of(&plan, &org).map_err(LoadError::Problems)?;
        if !rehearsal.fits() && !self.may_split {
            let message = "this organization is too large to be stored at once; split it over several organizations".to_owned();
            return Err(LoadError::Problems(vec![Problem { spot: spec.spots.whole.clone(), message }]));
        }
        Ok((plan, rehearsal))
    }

    async fn view(&self, spec: &OrgSpec, org: tocsin_actors::domain::OrgId) -> Result<Arc<Org>, LoadError> {
        let error = |error| LoadError::Org { slug: spec.slug.clone(), error };
        for _ in 1..TRIES {
            match self.directory.view(org).await {
                Err(OrgError::Unavailable { retry_after, .. } | OrgError::Busy { retry_after }) => {
                    tokio::time::sleep(retry_after).await;
                }
                answer => return answer.map_err(error),
            }
        }
        self.directory.view(org).await.map_err(error)
    }

    /// Whether nobody else goes by these names. A claim that came to nothing does not count, `founding` takes it over.
    async fn names_are_free(&self, spec: &OrgSpec) -> Result<(), LoadError> {
        for name in names(&spec.slug, spec.domain.as_ref()) {
            let Some((holder, _)) = self.store.holder(name.clone()).await? else { continue };
            let theirs = holder != Ids::of(&spec.slug).org();
            if theirs && self.view(spec, holder).await?.organization().is_some_and(|now| now.goes_by(name.as_str())) {
                return Err(taken(spec, &name));
            }
        }
        Ok(())
    }

    /// Gives a new organization its names and its number.
    async fn found(&self, spec: &OrgSpec, plan: &mut Plan) -> Result<(), LoadError> {
        use founding::FoundingError::{Account, Org};
        let now = self.now.after(self.began.elapsed());
        for name in names(&spec.slug, spec.domain.as_ref()) {
            match founding::claim_name(self.store.as_ref(), &self.directory, &name, plan.org, now).await {
                Ok(()) => {}
                Err(Account(AccountError::NameTaken(_))) => return Err(taken(spec, &name)),
                Err(Account(error)) => return Err(error.into()),
                Err(Org(error)) => return Err(LoadError::Org { slug: spec.slug.clone(), error }),
            }
        }
        let number = self.store.next_number().await?;
        for step in &mut plan.steps {
            if let Command::CreateOrganization(new) = &mut step.order.command {
                new.number = number;
            }
        }
        Ok(())
    }

    /// Who has this address already, or was made by an earlier run and changed it since.
    async fn known(&self, spec: &UserSpec) -> Result<Option<UserId>, StoreError> {
        if let Some(user) = self.store.find_user(UserKey::Email(spec.email.value.clone())).await? {
            return Ok(Some(user.id));
        }
        Ok(self.store.user(ids::user(&spec.email.value)).await?.map(|user| user.id))
    }

    async fn check(&self, spec: &UserSpec, problems: &mut Vec<Problem>) -> Result<(), StoreError> {
        if let Err(rejection) = account(spec, 0, None, self.now).check() {
            problems.push(rehearse::rule(&spec.spots, &rejection));
        }
        let Some(username) = &spec.username else { return Ok(()) };
        if self.store.find_user(UserKey::Username(username.clone())).await?.is_some() {
            let spot: Spot = spec.spots.field("username");
            problems.push(Problem { spot, message: format!("the username {username:?} is in use by somebody else") });
        }
        Ok(())
    }

    async fn make_user(&self, spec: &UserSpec) -> Result<UserId, LoadError> {
        let password = match spec.password.clone() {
            None => None,
            Some(Password::Hashed(hash)) => Some(hash),
            // Costs a core for tens of milliseconds: not on a thread that others wait for.
            Some(Password::Plain(plain)) => Some(
                tokio::task::spawn_blocking(move || PasswordHash::new(&plain))
                    .await
                    .map_err(|error| StoreError::Unavailable(error.to_string()))?,
            ),
        };
        let number = self.store.next_number().await?;
        let user = account(spec, number, password, self.now);
        let id = user.id;
        match self.store.create_user(user).await {
            Ok(()) => Ok(id),
            // Made by somebody else since we looked.
            Err(AccountError::EmailTaken | AccountError::IdTaken) => Ok(self.known(spec).await?.unwrap_or(id)),
            Err(error) => Err(error.into()),
        }
    }
}

fn taken(spec: &OrgSpec, name: &Name) -> LoadError {
    let kind = if name.is_domain() { "domain" } else { "slug" };
    let message = format!("the {kind} {:?} is in use by another organization", name.as_str());
    LoadError::Problems(vec![Problem { spot: spec.spots.field(kind), message }])
}

fn account(spec: &UserSpec, number: u64, password: Option<PasswordHash>, now: Timestamp) -> User {
    User {
        number,
        username: spec.username.clone(),
        first_name: spec.first_name.clone(),
        last_name: spec.last_name.clone(),
        display_name: spec.name.clone(),
        password,
        active: !spec.inactive,
        superadmin: spec.superadmin,
        metadata: spec.metadata.clone(),
        ..User::new(ids::user(&spec.email.value), spec.email.value.clone(), now)
    }
}

fn outcome(spec: &OrgSpec, plan: &Plan, requests: usize) -> Outcome {
    Outcome { slug: spec.slug.clone(), is_new: plan.is_new, counts: plan.counts, orders: plan.steps.len(), requests }
}
