//! What a client sends, checked as the original's Pydantic does: everything that is wrong is told at once, in its words.

use crate::http::facade::{Answer, Asked, Refused};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;
use tocsin_actors::domain::Timestamp;

/// Why something is not done.
pub(super) enum No {
    /// For one reason, in a text.
    Refused(Refused),
    /// What was sent is not what was expected.
    Invalid(Vec<Problem>),
}

impl From<Refused> for No {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl No {
    /// As an answer, or as what everybody can say.
    pub(super) fn answer(self) -> Result<Answer, Refused> {
        let problems = match self {
            Self::Refused(refused) if refused.status == 400 && !refused.code.is_empty() => vec![against_a_rule(&refused.text)],
            Self::Refused(refused) => return Err(refused),
            Self::Invalid(problems) => problems,
        };
        Ok(Answer::json(422, &json!({ "detail": problems })))
    }
}

/// One thing that is wrong with what was sent.
#[derive(Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    loc: Vec<Value>,
    msg: String,
    input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
}

impl Problem {
    fn new(kind: &'static str, loc: &[&str], msg: impl Into<String>, input: &Value) -> Self {
        let loc = loc.iter().map(|one| Value::from(*one)).collect();
        Self { kind, loc, msg: msg.into(), input: input.clone(), ctx: None }
    }

    fn with(mut self, ctx: Value) -> Self {
        self.ctx = Some(ctx);
        self
    }
}

/// What the rules of the engine refuse, which know more than the original's did.
fn against_a_rule(text: &str) -> Problem {
    let problem = Problem::new("value_error", &["body"], format!("Value error, {text}"), &Value::Null);
    problem.with(json!({ "error": text }))
}

/// The number in the path.
pub(super) fn number(asked: &Asked, called: &'static str) -> Result<i64, No> {
    whole(&Value::from(asked.word(0)), &["path", called]).map_err(|problem| No::Invalid(vec![*problem]))
}

/// A number in the query, within bounds.
pub(super) fn within(asked: &Asked, called: &'static str, bounds: RangeInclusive<i64>, usual: i64) -> Result<i64, No> {
    let Some(text) = asked.query(called) else { return Ok(usual) };
    let (input, loc) = (Value::from(text), ["query", called]);
    let (least, most) = bounds.into_inner();
    let problem = match whole(&input, &loc) {
        Ok(number) if number < least => {
            let msg = format!("Input should be greater than or equal to {least}");
            Problem::new("greater_than_equal", &loc, msg, &input).with(json!({ "ge": least }))
        }
        Ok(number) if number > most => {
            let msg = format!("Input should be less than or equal to {most}");
            Problem::new("less_than_equal", &loc, msg, &input).with(json!({ "le": most }))
        }
        Ok(number) => return Ok(number),
        Err(problem) => *problem,
    };
    Err(No::Invalid(vec![problem]))
}

/// A whole number, however it is written.
fn whole(input: &Value, loc: &[&str]) -> Result<i64, Box<Problem>> {
    const WHAT: &str = "Input should be a valid integer";
    let problem = |kind, why: &str| Box::new(Problem::new(kind, loc, format!("{WHAT}{why}"), input));
    match input {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Ok(number),
            (None, Some(float)) if float.fract() == 0.0 => Ok(float as i64), // beyond what there is, it is nobody's number
            _ => Err(problem("int_from_float", ", got a number with a fractional part")),
        },
        Value::Bool(is) => Ok(i64::from(*is)),
        Value::String(text) => text.trim().parse().map_err(|_| problem("int_parsing", ", unable to parse string as an integer")),
        _ => Err(problem("int_type", "")),
    }
}

/// The fields of a body. What is wrong is collected; what was read counts only after [`Form::done`].
pub(super) struct Form {
    body: Value,
    problems: Vec<Problem>,
}

impl Form {
    pub(super) fn of(asked: &Asked) -> Result<Self, No> {
        let invalid = |problem| Err(No::Invalid(vec![problem]));
        match asked.json() {
            Ok(Some(body @ Value::Object(_))) => Ok(Self { body, problems: Vec::new() }),
            Ok(None) if asked.is_bodyless() => invalid(Problem::new("missing", &["body"], "Field required", &Value::Null)),
            Ok(other) => {
                let msg = "Input should be a valid dictionary or object to extract fields from";
                invalid(Problem::new("model_attributes_type", &["body"], msg, &other.unwrap_or_default()))
            }
            Err(broken) => {
                let problem = Problem::new("json_invalid", &["body"], "JSON decode error", &json!({}));
                invalid(problem.with(json!({ "error": broken.text })))
            }
        }
    }

    /// To be called when everything was looked at.
    pub(super) fn done(&mut self) -> Result<(), No> {
        if self.problems.is_empty() { Ok(()) } else { Err(No::Invalid(std::mem::take(&mut self.problems))) }
    }

    fn fields(&self) -> Option<&Map<String, Value>> {
        self.body.as_object()
    }

    fn wrong<T>(&mut self, problem: Problem) -> Option<T> {
        self.problems.push(problem);
        None
    }

    /// Reads what must be there.
    pub(super) fn required<T: Default>(&mut self, name: &str, read: impl FnOnce(&mut Self, &str) -> Option<T>) -> T {
        if self.fields().is_some_and(|fields| !fields.contains_key(name)) {
            let problem = Problem::new("missing", &["body", name], "Field required", &self.body);
            self.problems.push(problem);
        }
        read(self, name).unwrap_or_default()
    }

    fn given(&self, name: &str) -> Option<Value> {
        self.fields()?.get(name).cloned()
    }

    /// A text of some length; none when it is not there.
    pub(super) fn text(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<String> {
        let input = self.given(name)?;
        let loc = ["body", name];
        let Some(text) = input.as_str() else {
            return self.wrong(Problem::new("string_type", &loc, "Input should be a valid string", &input));
        };
        let (least, most) = length.into_inner();
        let characters = |count: usize| format!("{count} character{}", if count == 1 { "" } else { "s" });
        let count = text.chars().take(most + 1).count();
        if count < least {
            let msg = format!("String should have at least {}", characters(least));
            return self.wrong(Problem::new("string_too_short", &loc, msg, &input).with(json!({ "min_length": least })));
        }
        if count > most {
            let msg = format!("String should have at most {}", characters(most));
            return self.wrong(Problem::new("string_too_long", &loc, msg, &input).with(json!({ "max_length": most })));
        }
        Some(text.to_owned())
    }

    /// The same where null means an empty one.
    pub(super) fn text_or_null(&mut self, name: &str, most: usize) -> Option<String> {
        if self.given(name)?.is_null() { Some(String::new()) } else { self.text(name, 0..=most) }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let input = self.given(name)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| input.as_str() == Some(word)) {
            return Some(*meaning);
        }
        let quoted: Vec<_> = words.iter().map(|(word, _)| format!("'{word}'")).collect();
        let expected = match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => quoted.concat(),
        };
        let problem = Problem::new("enum", &["body", name], format!("Input should be {expected}"), &input);
        self.wrong(problem.with(json!({ "expected": expected })))
    }

    /// A whole number.
    pub(super) fn number(&mut self, name: &str) -> Option<i64> {
        let input = self.given(name)?;
        whole(&input, &["body", name]).map_or_else(|problem| self.wrong(*problem), Some)
    }

    /// Some of them; null is none given.
    pub(super) fn numbers(&mut self, name: &str) -> Option<Vec<i64>> {
        let input = self.given(name).filter(|input| !input.is_null())?;
        let Some(list) = input.as_array() else {
            return self.wrong(Problem::new("list_type", &["body", name], "Input should be a valid list", &input));
        };
        let mut numbers = Vec::with_capacity(list.len());
        for (place, one) in list.iter().enumerate() {
            match whole(one, &["body", name]) {
                Ok(number) => numbers.push(number),
                Err(mut problem) => {
                    problem.loc.push(place.into());
                    self.problems.push(*problem);
                }
            }
        }
        Some(numbers)
    }

    /// A point in time; null is said too.
    pub(super) fn time(&mut self, name: &str) -> Option<Option<Timestamp>> {
        let input = self.given(name)?;
        let parsed = |text: &str| {
            let plain = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
            text.parse().ok().or_else(|| plain.ok().map(|time| time.and_utc().into()))
        };
        let loc = ["body", name];
        match &input {
            Value::Null => Some(None),
            Value::String(text) => match parsed(text) {
                Some(time) => Some(Some(time)),
                None => {
                    let msg = "Input should be a valid datetime or date, invalid datetime";
                    let problem = Problem::new("datetime_from_date_parsing", &loc, msg, &input);
                    self.wrong(problem.with(json!({ "error": "invalid datetime" })))
                }
            },
            _ => self.wrong(Problem::new("datetime_type", &loc, "Input should be a valid datetime", &input)),
        }
    }
}
