//! Pages of lists. A cursor names the last item that was given by what the list is ordered by, not by how many came before
//! it: what is added or deleted meanwhile moves nothing.

use super::error::ApiError;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::IntoParams;

/// How many items a page has when nobody says.
const USUAL: usize = 50;
/// How many it has at most.
const MOST: usize = 200;

/// The place of an item in its list: what the list is ordered by, then the item's number to tell equals apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place(pub(super) i64, pub(super) i64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.0, self.1)
    }
}

impl FromStr for Place {
    type Err = ApiError;
    fn from_str(text: &str) -> Result<Self, ApiError> {
        let parsed = text.split_once('_').and_then(|(a, b)| Some(Self(a.parse().ok()?, b.parse().ok()?)));
        parsed.ok_or_else(|| ApiError {
            field: Some("cursor".into()),
            ..ApiError::malformed("`cursor` is not one that we gave: leave it out to begin at the beginning")
        })
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// `next` of the page before
    #[param(pattern = "^-?[0-9]{1,18}_-?[0-9]{1,18}$")]
    pub(super) cursor: Option<String>,
    /// How many items
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<usize>,
}

/// A page of a list.
#[derive(Serialize)]
pub(super) struct List<T> {
    /// The items of this page
    pub(super) items: Vec<T>,
    /// The cursor of the next page; null when this is the last one
    pub(super) next: Option<String>,
}

impl PageQuery {
    pub(super) fn new(cursor: &Option<String>, limit: Option<usize>) -> Self {
        Self { cursor: cursor.clone(), limit }
    }

    /// Behind which place, and how many.
    pub(super) fn bounds(&self) -> Result<(Option<Place>, usize), ApiError> {
        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(ApiError {
                field: Some("limit".into()),
                ..ApiError::malformed(format!("`limit` is between 1 and {MOST}"))
            });
        }
        Ok((self.cursor.as_deref().map(str::parse).transpose()?, limit))
    }

    /// The page of these items, which need not be in order.
    pub(super) fn of<I, T>(
        &self,
        items: impl IntoIterator<Item = I>,
        place: impl Fn(&I) -> Place,
        shown: impl Fn(I) -> T,
    ) -> Result<List<T>, ApiError> {
        let (after, limit) = self.bounds()?;
        let mut rest: Vec<_> = items.into_iter().map(|item| (place(&item), item)).collect();
        rest.retain(|(place, _)| after.is_none_or(|after| *place > after));
        if rest.len() > limit {
            // Only what is shown has to be in order.
            rest.select_nth_unstable_by_key(limit, |(place, _)| *place);
        }
        let more = rest.len() > limit;
        rest.truncate(limit);
        rest.sort_unstable_by_key(|(place, _)| *place);
        let next = rest.last().filter(|_| more).map(|(place, _)| place.to_string());
        Ok(List { items: rest.into_iter().map(|(_, item)| shown(item)).collect(), next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &[i64], cursor: Option<String>) -> (Vec<i64>, Option<String>) {
        let list = PageQuery { cursor, limit: Some(2) }.of(items.to_vec(), |n| Place(*n, 0), |n| n).unwrap();
        (list.items, list.next)
    }

    #[test]
    fn nothing_is_skipped_or_repeated_while_items_come_and_go() {
        let (first, next) = page(&[4, 1, 3, 2], None);
        assert_eq!(first, [1, 2]);
        // 2, the last one given, is deleted, and 0 and 5 are added.
        let (second, next) = page(&[0, 4, 1, 3, 5], next);
        assert_eq!(second, [3, 4]);
        let (last, next) = page(&[0, 4, 1, 3, 5], next);
        assert_eq!((last, next), (vec![5], None));
    }

    #[test]
    fn a_page_that_fits_exactly_is_the_last_one() {
        assert_eq!(page(&[1, 2], None), (vec![1, 2], None));
    }

    #[test]
    fn a_made_up_cursor_is_told() {
        for cursor in ["", "x", "1", "1_", "_1", "1_2_3"] {
            let query = PageQuery { cursor: Some(cursor.into()), limit: None };
            assert_eq!(query.bounds().unwrap_err().field.as_deref(), Some("cursor"), "{cursor}");
        }
    }
}
