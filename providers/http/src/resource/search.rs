use mprov_sdk::{Call, Fault, Value};

use super::description::{Description, Search};
use crate::place::plain;
use crate::reply::View;
use crate::request::Request;
use crate::session::{Connection, refused};
use crate::template::Fill;
use crate::trouble::Trouble;

/// A list that does not end is an error.
const PAGES: usize = 1000;

/// The one element of the list, on all its pages, that is looked for; none if there is none, or no
/// list.
///
/// # Errors
/// Several elements are alike: none of them can be taken for the one.
pub async fn search(
    connection: &Connection,
    call: &Call,
    description: &Description,
    search: &Search,
    fill: &Fill<'_>,
) -> Result<Option<View>, Trouble> {
    let wanted = fill.text(&search.equals);
    let mut request = description.request(connection, fill)?;
    let mut found: Option<View> = None;
    for _ in 0..PAGES {
        let reply = connection.send(call, request.clone()).await?;
        if reply.is_gone() {
            return Ok(None);
        }
        if !description.accepts(reply.status) {
            return Err(Trouble::Refused(reply.status, refused(&request, &reply)));
        }
        let page = reply.view();
        let list = search.list.look(&page.body);
        let Some(list) = list.as_ref().and_then(Value::as_elements) else {
            return Err(no_list(&request, search).into());
        };
        for element in list.iter().filter(|e| is_match(search, e, &wanted)) {
            let view = View { body: element.clone(), status: page.status, headers: page.headers.clone() };
            if found.replace(view).is_some() {
                return Err(ambiguous(&request, search, &wanted).into());
            }
        }
        let Some(next) = search.next.as_ref().and_then(|place| next_page(&place.text(&page)?)) else {
            return Ok(found);
        };
        let base = connection.base.as_ref().ok_or_else(|| Fault::new("the provider has no \"url\""))?;
        request.url = base.follow(&next)?;
    }
    Err(Fault::new(format!("the list of {} does not end", request.what()))
        .detail(format!("After {PAGES} pages there is still another: see whether \"next\" is right."))
        .into())
}

/// The value itself, or a list that holds it, as tags are.
fn is_match(search: &Search, element: &Value, wanted: &str) -> bool {
    let Some(value) = search.at.look(element) else { return false };
    match value.as_elements() {
        Some(items) => items.iter().any(|item| plain(item).as_deref() == Some(wanted)),
        None => plain(&value).as_deref() == Some(wanted),
    }
}

/// An address, or the one with `rel="next"` of a `Link` header (RFC 8288).
fn next_page(text: &str) -> Option<String> {
    if !text.starts_with('<') {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let next = text.split(',').find(|link| {
        let mut parameters = link.split(';').skip(1).map(|p| p.trim().replace('"', ""));
        parameters.any(|p| p.eq_ignore_ascii_case("rel=next"))
    })?;
    Some(next.split('>').next()?.trim().trim_start_matches('<').to_owned())
}

fn no_list(request: &Request, search: &Search) -> Fault {
    Fault::new(format!("the reply to {} holds no list at \"{}\"", request.what(), search.list))
        .detail("\"list\" is the JSON pointer to the list in the reply's body; \"\" is the whole body.")
}

fn ambiguous(request: &Request, search: &Search, wanted: &str) -> Fault {
    Fault::new(format!("{} lists several with \"{wanted}\" at {}", request.what(), search.at))
        .detail("It cannot be told which one is meant. Choose a field that only one has.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_an_address_or_a_link() {
        assert_eq!(next_page("/things?page=2").as_deref(), Some("/things?page=2"));
        let link = "<https://a.example/x?page=1>; rel=\"prev\", <https://a.example/x?page=3>; rel=\"next\"";
        assert_eq!(next_page(link).as_deref(), Some("https://a.example/x?page=3"));
        assert_eq!(next_page("<https://a.example/x>; rel=\"prev\""), None);
        assert_eq!(next_page(""), None);
    }
}
