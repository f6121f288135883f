//! Chooses among the forms of a page by `Accept`.

use poem::{
    FromRequest, Request, RequestBody, Result,
    http::{HeaderMap, header},
};

/// In which form a page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For programs.
    Json,
    /// For people.
    Html,
    /// For people with a terminal.
    Markdown,
}

impl Form {
    /// All of them; who likes several the same gets the first.
    pub(super) const ALL: [Self; 3] = [Self::Json, Self::Html, Self::Markdown];

    /// Its media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html",
            Self::Markdown => "text/markdown",
        }
    }

    /// Its media type, with the parameter that it has.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }

    /// The form that `Accept` likes best. JSON if it likes none: an answer in another form than was
    /// asked for says more than a refusal.
    fn preferred(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter();
        let ranges: Vec<(&str, f32)> = accepted
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(media_range)
            .collect();
        let better = |best: Self, other: Self| {
            let is_better = other.weight_in(&ranges) > best.weight_in(&ranges);
            if is_better { other } else { best }
        };
        Self::ALL.into_iter().reduce(better).unwrap_or(Self::Json)
    }

    /// How much a form is liked: what is said of it itself counts before what is said of all.
    fn weight_in(self, ranges: &[(&str, f32)]) -> f32 {
        let media_type = self.media_type();
        let group = media_type.split('/').next().unwrap_or_default();
        [media_type, &format!("{group}/*"), "*/*"]
            .into_iter()
            .find_map(|wanted| ranges.iter().find(|(range, _)| *range == wanted))
            .map_or(0.0, |(_, weight)| *weight)
    }
}

/// A media range of `Accept`, and how much it is liked.
fn media_range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
    (range, weight.unwrap_or(1.0))
}

impl<'a> FromRequest<'a> for Form {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Self::preferred(request.headers()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::http::HeaderValue;

    #[test]
    fn programs_get_json_browsers_a_page_and_others_what_they_ask_for() {
        for (accept, form) in [
            ("", Form::Json),
            ("*/*", Form::Json),
            ("image/png", Form::Json),
            ("application/problem+json, application/json", Form::Json),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Form::Html,
            ),
            ("text/*", Form::Html),
            ("text/markdown, text/html;q=0.5", Form::Markdown),
            ("text/markdown;q=0.1, */*;q=0", Form::Markdown),
            ("text/html ; q=0.2 , application/json;q=0.3", Form::Json),
            ("text/html;q=much", Form::Html),
        ] {
            let headers = [(header::ACCEPT, HeaderValue::from_static(accept))];
            let headers = HeaderMap::from_iter(headers);
            assert_eq!(Form::preferred(&headers), form, "{accept:?}");
        }
        assert_eq!(Form::preferred(&HeaderMap::new()), Form::Json);
    }
}
