//! What a handler answers: what it shows, not yet how it travels.

use super::{
    cursor::List,
    route::{Output, Shape},
};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{
        ContentBuilder, ResponseBuilder, Schema,
        schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type},
    },
};
use warp::{http::StatusCode, hyper::body::Bytes, reply::Response};

/// Room for one thing of each kind; what is larger grows.
const USUAL_SIZE: usize = 1024;

/// An answer on its way.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) body: Bytes,
    /// Where what was made can be found.
    pub(super) location: Option<String>,
    /// Instead of all that: an answer that does not end by itself.
    pub(super) stream: Option<Response>,
}

impl Answer {
    fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let mut body = Vec::with_capacity(USUAL_SIZE);
        serde_json::to_writer(&mut body, value).expect("answers are plain structures with text keys");
        Self { status, kind: "application/json", body: body.into(), location: None, stream: None }
    }
}

/// 200 with something to see.
pub(super) struct Shown<T>(pub(super) T);

impl<T: Serialize + ToSchema> Output for Shown<T> {
    fn answer(self) -> Answer {
        Answer::json(StatusCode::OK, &self.0)
    }
    fn describe(shape: &mut Shape) {
        let schema = shape.schema::<T>();
        shape.answers(200, "What was asked for", Some(schema));
    }
}

impl<T: Serialize + ToSchema> Output for List<T> {
    fn answer(self) -> Answer {
        Answer::json(StatusCode::OK, &self)
    }
    fn describe(shape: &mut Shape) {
        let item = shape.schema::<T>();
        let next = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("The cursor of the next page; null when this is the last one"));
        let list = ObjectBuilder::new()
            .property("items", ArrayBuilder::new().items(item))
            .required("items")
            .property("next", next)
            .required("next");
        shape.answers(200, "A page of the list", Some(list.into()));
    }
}

/// 201 with what was made, and where it is.
pub(super) struct Made<T> {
    /// The last part of its address, under the address that was asked.
    pub(super) at: String,
    pub(super) what: T,
}

impl<T: Serialize + ToSchema> Output for Made<T> {
    fn answer(self) -> Answer {
        Answer { location: Some(self.at), ..Answer::json(StatusCode::CREATED, &self.what) }
    }
    fn describe(shape: &mut Shape) {
        let schema = shape.schema::<T>();
        shape.answers(201, "What was made", Some(schema));
    }
}

/// 204: it is as you wished, and there is nothing to see.
pub(super) struct Done;

impl Output for Done {
    fn answer(self) -> Answer {
        Answer { status: StatusCode::NO_CONTENT, kind: "", body: Bytes::new(), location: None, stream: None }
    }
    fn describe(shape: &mut Shape) {
        shape.answers(204, "Done", None);
    }
}

/// 200 that goes on for as long as somebody reads it: events, each with its id.
pub(super) struct Streamed(pub(super) Response);

impl Output for Streamed {
    fn answer(self) -> Answer {
        Answer { status: StatusCode::OK, kind: "", body: Bytes::new(), location: None, stream: Some(self.0) }
    }
    fn describe(shape: &mut Shape) {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let content = ContentBuilder::new().schema(Some(Schema::from(text))).build();
        let told = "Events for as long as you listen; each has `epoch:seq` as its id";
        let response = ResponseBuilder::new().description(told).content("text/event-stream", content);
        shape.operation.responses.responses.insert("200".to_owned(), response.build().into());
    }
}
