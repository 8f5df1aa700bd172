//! One line of the table of routes: a method, a path, who may, what it is for, and the handler. What a route takes and
//! gives is read off the handler's own types, so that the documentation cannot say anything else.

use super::{access::May, answer::Answer, call::Call, call::named, error::ApiError};
use futures::future::BoxFuture;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::{
    ToSchema,
    openapi::{ContentBuilder, RefOr, ResponseBuilder, Schema, path::Operation},
};
use warp::http::Method;

/// What a handler takes beside the call itself.
pub(super) trait Input: Sized + Send {
    /// Reads it, or says what is wrong with it.
    fn read(call: &Call) -> Result<Self, ApiError>;
    /// Says what it looks like.
    fn describe(shape: &mut Shape);
}

/// What a handler gives.
pub(super) trait Output {
    /// Makes it an answer.
    fn answer(self) -> Answer;
    /// Says what it looks like.
    fn describe(shape: &mut Shape);
}

/// Two inputs, where a path takes a query and a body, do not occur; one type is enough.
pub(super) type Handler = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Answer, ApiError>> + Send + Sync>;

/// One line of the table.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) may: May,
    /// What it is for, in one line.
    pub(super) summary: &'static str,
    /// Its name in the documentation: file and function.
    pub(super) name: String,
    /// The names of the path's variable words.
    pub(super) words: Vec<&'static str>,
    pub(super) run: Handler,
    describe: fn(&mut Shape),
}

/// A route's part of the documentation, while it is written.
pub(super) struct Shape {
    pub(super) operation: Operation,
    pub(super) schemas: BTreeMap<String, RefOr<Schema>>,
}

impl Shape {
    /// A type's schema: kept under its name, and named here.
    pub(super) fn schema<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let mut more = Vec::new();
        T::schemas(&mut more);
        self.schemas.extend(more);
        let name = T::name().into_owned();
        self.schemas.insert(name.clone(), T::schema());
        RefOr::Ref(named(&name))
    }

    /// What the answer of a status is.
    pub(super) fn answers(&mut self, status: u16, told: &str, schema: Option<RefOr<Schema>>) {
        let mut response = ResponseBuilder::new().description(told);
        if let Some(schema) = schema {
            response = response.content("application/json", ContentBuilder::new().schema(Some(schema)).build());
        }
        self.operation.responses.responses.insert(status.to_string(), response.build().into());
    }

    /// With which statuses it may fail.
    pub(super) fn may_fail(&mut self, statuses: &[u16]) {
        for status in statuses {
            let told = match status {
                400 => "It cannot be understood",
                401 => "Who asks is not known",
                403 => "Who asks may not",
                404 => "It is not there, or it is not yours",
                409 => "It collides with what is there",
                412 => "It was changed since you read it",
                413 => "It is too large",
                415 => "It is not JSON",
                422 => "A rule refuses it",
                429 => "Too many requests",
                503 => "It cannot be done now, or it is not known whether it was",
                _ => "It failed",
            };
            self.answers(*status, told, Some(RefOr::Ref(named("Error"))));
        }
    }
}

impl Route {
    fn new<I, O, F, Fut>(method: Method, path: &'static str, may: May, summary: &'static str, handler: F) -> Self
    where
        I: Input + 'static,
        O: Output + 'static,
        F: Fn(Call, I) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<O, ApiError>> + Send + 'static,
    {
        let run: Handler = Arc::new(move |call: Call| match I::read(&call) {
            Ok(input) => {
                let answer = handler(call, input);
                Box::pin(async move { answer.await.map(Output::answer) })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        });
        let describe = |shape: &mut Shape| {
            I::describe(shape);
            O::describe(shape);
        };
        // `tocsin::http::api::services::list` is called `services.list`.
        let name = std::any::type_name::<F>().rsplit("::").take(2).collect::<Vec<_>>();
        let name = name.into_iter().rev().collect::<Vec<_>>().join(".");
        let words = path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}')).collect();
        Self { method, path, may, summary, name, words, run, describe }
    }

    /// Writes the route's part of the documentation.
    pub(super) fn describe(&self, shape: &mut Shape) {
        (self.describe)(shape);
    }
}

macro_rules! methods {
    ($($name:ident $method:ident),+) => {$(
        #[doc = concat!("A route for ", stringify!($method), ".")]
        pub(super) fn $name<I, O, F, Fut>(path: &'static str, may: May, summary: &'static str, handler: F) -> Route
        where
            I: Input + 'static,
            O: Output + 'static,
            F: Fn(Call, I) -> Fut + Copy + Send + Sync + 'static,
            Fut: Future<Output = Result<O, ApiError>> + Send + 'static,
        {
            Route::new(Method::$method, path, may, summary, handler)
        }
    )+};
}

methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);
