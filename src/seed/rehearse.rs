//! Carries a plan out on a copy in memory. Every rule of the domain is asked before anything is written, each answer is
//! traced back to its line, and how much would be stored at once is known.

use super::{
    plan::{Plan, Step},
    problem::{Problem, Spot},
    read::Spots,
};
use tocsin_actors::{
    domain::{Entry, Org, Rejection},
    org::{HEAVIEST_REQUEST, weight},
};

/// What carrying a plan out would do.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The organization afterwards.
    pub after: Org,
    /// How much each step weighs in a request.
    weights: Vec<usize>,
}

impl Rehearsal {
    /// Carries out a plan on a copy of the organization it was made for.
    pub fn of(plan: &Plan, org: &Org) -> Result<Self, Vec<Problem>> {
        let mut after = org.clone();
        let mut weights = Vec::with_capacity(plan.steps.len());
        let mut problems: Vec<Problem> = Vec::new();
        for step in &plan.steps {
            let events = match after.decide(&step.order) {
                Ok(events) => events,
                Err(rejection) => {
                    // What is missing because it was refused itself has been told already.
                    if problems.is_empty() || !is_unknown(&rejection) {
                        problems.push(refused(step, &rejection));
                    }
                    Vec::new()
                }
            };
            if events.is_empty() {
                weights.push(0);
                continue;
            }
            let entry = Entry { seq: after.seq() + 1, at: step.order.at, by: step.order.by, key: step.order.key, events };
            weights.push(weight(&entry));
            after.apply(&entry);
        }
        if problems.is_empty() { Ok(Self { after, weights }) } else { Err(problems) }
    }

    /// Whether the whole plan can be one request, and so be done entirely or not at all.
    pub fn fits(&self) -> bool {
        self.weights.iter().sum::<usize>() <= HEAVIEST_REQUEST
    }

    /// The plan's steps in runs that each fit into one request.
    pub fn chunks<'a>(&self, steps: &'a [Step]) -> Vec<&'a [Step]> {
        let mut chunks = Vec::new();
        let (mut from, mut weight) = (0, 0);
        for (n, more) in self.weights.iter().enumerate() {
            if weight + more > HEAVIEST_REQUEST && n > from {
                chunks.push(&steps[from..n]);
                (from, weight) = (n, 0);
            }
            weight += more;
        }
        if from < steps.len() {
            chunks.push(&steps[from..]);
        }
        chunks
    }
}

/// A refusal, told of the line that asked for it.
pub(super) fn refused(step: &Step, rejection: &Rejection) -> Problem {
    rule(&step.spots, rejection)
}

/// The same for what is no step of a plan.
pub(super) fn rule(spots: &Spots, rejection: &Rejection) -> Problem {
    let Rejection::Invalid { field, problem } = rejection else {
        return Problem { spot: spots.whole.clone(), message: rejection.to_string() };
    };
    // The API's words for what fixtures call otherwise.
    let ours = match *field {
        "scheduled_end" => "end",
        "started_at" => "started",
        "resolved_at" => "updates",
        field => field,
    };
    let spot: Spot = spots.field(ours);
    let message = if spot == spots.whole { format!("{ours} {problem}") } else { problem.clone() };
    Problem { spot, message }
}

const fn is_unknown(rejection: &Rejection) -> bool {
    matches!(
        rejection,
        Rejection::UnknownOrganization
            | Rejection::UnknownService(_)
            | Rejection::UnknownGroup(_)
            | Rejection::UnknownTeam(_)
            | Rejection::UnknownIncident(_)
            | Rejection::UnknownUpdate(_)
            | Rejection::UnknownMonitor(_)
            | Rejection::UnknownMember(_)
            | Rejection::UnknownTeamMember(_)
    )
}
