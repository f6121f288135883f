//! Chooses the form of a page by `Accept`.

use poem::{FromRequest, Request, RequestBody, Result, web::Accept};

/// A form of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For programs.
    Json,
    /// For browsers.
    Html,
    /// For people with a terminal.
    Markdown,
}

impl Form {
    /// All forms; of several with the same weight, the first is chosen.
    pub(super) const ALL: [Self; 3] = [Self::Json, Self::Html, Self::Markdown];

    /// Its media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html",
            Self::Markdown => "text/markdown",
        }
    }

    /// Its media type, with the charset.
    pub(super) fn content_type(self) -> String {
        format!("{}; charset=utf-8", self.media_type())
    }

    /// The form with the largest weight. JSON if none is accepted: an answer in another form is of more use than a
    /// refusal.
    fn preferred(accept: &Accept) -> Self {
        let better = |best: Self, other: Self| {
            let is_better = other.weight_in(accept) > best.weight_in(accept);
            if is_better { other } else { best }
        };
        Self::ALL.into_iter().reduce(better).unwrap_or(Self::Json)
    }

    /// The weight of a form: by the most specific range that it is in.
    fn weight_in(self, Accept(ranges): &Accept) -> f32 {
        let media_type = self.media_type();
        let group = media_type.split('/').next().unwrap_or_default();
        let range = [media_type, &format!("{group}/*"), "*/*"]
            .into_iter()
            .find_map(|wanted| ranges.iter().find(|range| range.essence_str() == wanted));
        let weight = range.map(|range| range.get_param("q")?.as_str().parse().ok());
        weight.map_or(0.0, |weight| weight.unwrap_or(1.0))
    }
}

impl<'a> FromRequest<'a> for Form {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let accept = Accept::from_request(request, body).await?;
        Ok(Self::preferred(&accept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::http::header;

    #[tokio::test]
    async fn programs_get_json_browsers_a_page_and_others_what_they_ask_for() {
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
            let request = Request::builder().header(header::ACCEPT, accept).finish();
            let preferred = Form::from_request_without_body(&request).await.unwrap();
            assert_eq!(preferred, form, "{accept:?}");
        }
        let request = Request::default();
        let preferred = Form::from_request_without_body(&request).await.unwrap();
        assert_eq!(preferred, Form::Json);
    }
}
