//! The contract of `prisma`, row by row: where it is open to one organization, and where it is open to all.

mod people;
mod rows;
mod shown;
mod told;

use crate::support::{Server, has, keys};
use serde_json::{Value, json};

const NOBODY: &str = "7f1b5b0c-95c5-4b58-9a55-0e0f3c7a1111";

/// Method, path, body, status, what is in the answer.
type Row<'a> = (&'a str, String, Option<Value>, u16, Value);

async fn answers(server: &Server, rows: &[Row<'_>]) {
    for (method, path, body, status, wanted) in rows {
        let (answered, answer) = server.ask(method, path, body.as_ref()).await;
        assert_eq!(answered, *status, "{method} {path} {body:?}: {answer}");
        assert!(has(&answer, wanted), "{method} {path} {body:?}: {answer}, wanted {wanted}");
        if *status >= 400 {
            assert_eq!(keys(&answer), ["error"], "{method} {path} {body:?}");
        }
    }
}

/// What is answered, which is well.
async fn get(server: &Server, path: &str) -> Value {
    let (status, answer) = server.ask("GET", path, None).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

async fn made(server: &Server, path: &str, body: Value) -> Value {
    let (status, answer) = server.ask("POST", path, Some(&body)).await;
    assert_eq!(status, 201, "{path} {body}: {answer}");
    answer
}

fn id(thing: &Value) -> &str {
    thing["id"].as_str().unwrap()
}

fn names<'a>(things: &'a Value, field: &str) -> Vec<&'a str> {
    things.as_array().unwrap().iter().map(|thing| thing[field].as_str().unwrap()).collect()
}

fn error(text: &str) -> Value {
    json!({ "error": text })
}
