//! A page as a reader keeps it: a snapshot, and the patches after it. At the end it must be what REST answers.

use serde_json::{Map, Value};

/// Lists that patches call as the page does.
const LISTS: [&str; 2] = ["services", "groups"];
/// The lists of the page in which incidents are.
const INCIDENTS: [&str; 2] = ["active", "upcoming"];
/// What a patch may say of the organization itself.
const ORGANIZATION: &str = "organization";

/// Puts the patch of an event into a page.
pub fn apply(page: &mut Value, event: &Value) {
    let (Some(page), Some(data)) = (page.as_object_mut(), event["data"].as_object()) else { return };
    page.insert("seq".to_owned(), event["seq"].clone());
    if let Some(status) = data.get("status") {
        page.insert("status".to_owned(), status.clone());
    }
    if let Some(Value::Object(organization)) = data.get(ORGANIZATION) {
        page.extend(organization.clone());
    }
    let order = data.get("order").unwrap_or(&Value::Null);
    for list in LISTS {
        put(page, &[list], data.get(list), order);
    }
    put(page, &INCIDENTS, data.get("incidents"), order);
}

/// Puts items into the lists in which they are, by id, then puts the lists in order. Whatever an order does not name is
/// gone from its list.
fn put(page: &mut Map<String, Value>, lists: &[&str], items: Option<&Value>, order: &Value) {
    let items: Vec<&Value> = items.and_then(Value::as_array).into_iter().flatten().collect();
    let mut known: Vec<Value> = items.iter().map(|item| (*item).clone()).collect();
    for list in lists {
        let Some(Value::Array(entries)) = page.get_mut(*list) else { continue };
        for entry in entries {
            match items.iter().find(|item| item["id"] == entry["id"]) {
                Some(item) => *entry = (*item).clone(),
                None => known.push(entry.clone()),
            }
        }
    }
    for list in lists {
        if let Some(ids) = order[*list].as_array() {
            let ordered = ids.iter().filter_map(|id| known.iter().find(|item| item["id"] == *id)).cloned().collect();
            page.insert((*list).to_owned(), Value::Array(ordered));
        }
    }
}

/// Where two pages differ, in words; none when they are equal.
pub fn difference(reader: &Value, rest: &Value) -> Option<String> {
    if reader == rest {
        return None;
    }
    let (Some(one), Some(other)) = (reader.as_object(), rest.as_object()) else {
        return Some("one of them is no page".to_owned());
    };
    let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
    let key = keys.into_iter().find(|key| one.get(*key) != other.get(*key))?;
    let brief = |page: &Map<String, Value>| page.get(key).map_or("nothing".to_owned(), |value| shortened(&value.to_string()));
    Some(format!("`{key}` is {} for the reader and {} over REST", brief(one), brief(other)))
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 160;
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn start() -> Value {
        json!({
            "seq": 1, "slug": "s", "name": "N", "status": "operational",
            "groups": [{"id": "g"}],
            "services": [{"id": "a", "v": 1}, {"id": "b", "v": 1}],
            "active": [{"id": "i", "v": 1}], "upcoming": [{"id": "m", "v": 1}],
        })
    }

    fn check(data: Value, changes: Value) {
        let (mut page, mut expected) = (start(), start());
        apply(&mut page, &json!({ "prev": 1, "seq": 3, "data": data }));
        expected.as_object_mut().unwrap().insert("seq".into(), json!(3));
        expected.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        assert_eq!(page, expected);
    }

    #[test]
    fn patches_change_what_they_name_and_nothing_else() {
        check(json!({"status": "major_outage"}), json!({"status": "major_outage"}));
        check(json!({"organization": {"name": "M"}}), json!({"name": "M"}));
        check(json!({"services": [{"id": "b", "v": 2}]}), json!({"services": [{"id": "a", "v": 1}, {"id": "b", "v": 2}]}));
        check(
            json!({"services": [{"id": "c", "v": 2}], "order": {"services": ["c", "a"]}}),
            json!({"services": [{"id": "c", "v": 2}, {"id": "a", "v": 1}]}),
        );
        check(json!({"order": {"groups": []}}), json!({"groups": []}));
    }

    #[test]
    fn incidents_move_between_their_lists_and_out_of_them() {
        check(json!({"incidents": [{"id": "i", "v": 2}]}), json!({"active": [{"id": "i", "v": 2}]}));
        check(
            json!({"incidents": [{"id": "m", "v": 2}], "order": {"active": ["m", "i"], "upcoming": []}}),
            json!({"active": [{"id": "m", "v": 2}, {"id": "i", "v": 1}], "upcoming": []}),
        );
        check(json!({"incidents": [{"id": "i", "status": "resolved"}], "order": {"active": []}}), json!({"active": []}));
    }

    #[test]
    fn a_difference_is_told_by_its_place() {
        assert_eq!(difference(&start(), &start()), None);
        let mut other = start();
        other["status"] = json!("x");
        let told = difference(&start(), &other).unwrap();
        assert_eq!(told, r#"`status` is "operational" for the reader and "x" over REST"#);
        other["status"] = json!("operational");
        other["new"] = json!(1);
        assert_eq!(difference(&start(), &other).unwrap(), "`new` is nothing for the reader and 1 over REST");
    }
}
