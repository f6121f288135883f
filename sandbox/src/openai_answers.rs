//! What the OpenAI stand-in makes of a request: whether it is sound, what is to be seen in its
//! image, and which captions it asks for. Used by that stand-in.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ImageReader, RgbImage};
use serde_json::{Map, Value, json};

use super::openai::Refusal;

/// All parts of all messages; plain content counts as one text part.
pub(super) fn parts(document: &Value) -> impl Iterator<Item = Value> + '_ {
    let messages = document["messages"].as_array().into_iter().flatten();
    messages.flat_map(|message| match &message["content"] {
        Value::Array(parts) => parts.clone(),
        Value::String(text) => vec![json!({ "type": "text", "text": text })],
        _ => Vec::new(),
    })
}

/// Checks a request as OpenAI would; gives the bytes of its images.
pub(super) fn validate(document: &Value) -> Result<Vec<Vec<u8>>, Refusal> {
    let refuse = |message: &str| Err(refusal(message, "invalid_value"));
    let model = document["model"].as_str().unwrap_or_default();
    if model.is_empty() {
        return refuse("you must provide a model parameter");
    }
    let messages = document["messages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if messages.is_empty() {
        return refuse("'messages' must be an array of at least one message");
    }
    for message in messages {
        let role = message["role"].as_str().unwrap_or_default();
        if !["system", "developer", "user", "assistant"].contains(&role) {
            return refuse("'messages[].role' is not one that is supported");
        }
        if !message["content"].is_string() && !message["content"].is_array() {
            return refuse("'messages[].content' must be a string or an array of parts");
        }
    }
    // The reasoning models have a field of their own.
    if model.starts_with('o') && !document["max_tokens"].is_null() {
        let message = "'max_tokens' is not supported with this model. Use \
                       'max_completion_tokens' instead.";
        return Err(refusal(message, "unsupported_parameter"));
    }
    let format = document["response_format"]["type"]
        .as_str()
        .unwrap_or("text");
    if !["text", "json_object", "json_schema"].contains(&format) {
        return refuse("'response_format.type' must be text, json_object or json_schema");
    }
    let says_json = || {
        let mut texts = parts(document).filter_map(|part| Some(part["text"].as_str()?.to_owned()));
        texts.any(|text| text.to_lowercase().contains("json"))
    };
    if format == "json_object" && !says_json() {
        return refuse(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of \
             type 'json_object'.",
        );
    }
    let mut images = Vec::new();
    for part in parts(document) {
        match part["type"].as_str() {
            Some("text") if part["text"].is_string() => {}
            Some("image_url") => images.push(image_bytes(&part["image_url"])?),
            _ => return refuse("'messages[].content[].type' must be text or image_url"),
        }
    }
    Ok(images)
}

fn image_bytes(image_url: &Value) -> Result<Vec<u8>, Refusal> {
    let detail = image_url["detail"].as_str().unwrap_or("auto");
    if !["auto", "low", "high"].contains(&detail) {
        return Err(refusal(
            "'detail' must be auto, low or high",
            "invalid_value",
        ));
    }
    let url = image_url["url"].as_str().unwrap_or_default();
    let data = url
        .strip_prefix("data:image/")
        .and_then(|rest| rest.split_once(";base64,"));
    let bytes = data.and_then(|(_, data)| STANDARD.decode(data).ok());
    let known = |bytes: &Vec<u8>| image::guess_format(bytes).is_ok();
    bytes
        .filter(known)
        .ok_or_else(|| refusal("You uploaded an unsupported image.", "invalid_image_format"))
}

/// The analysis of an image, as JSON text: what it says is measured on the image. With a caption for Stable Diffusion
/// if the request names it.
pub(super) fn vision(image: Option<&Vec<u8>>, document: &Value) -> Result<String, Refusal> {
    let broken = || refusal("The image could not be read.", "invalid_image_format");
    let picture = ImageReader::new(Cursor::new(image.ok_or_else(broken)?))
        .with_guessed_format()
        .ok()
        .and_then(|reader| reader.decode().ok())
        .ok_or_else(broken)?;
    let (width, height) = (picture.width(), picture.height());
    let (color, hex) = average_color(&picture.thumbnail(32, 32).to_rgb8());
    let shape = match width.cmp(&height) {
        std::cmp::Ordering::Greater => "landscape",
        std::cmp::Ordering::Equal => "square",
        std::cmp::Ordering::Less => "portrait",
    };
    let mut analysis = json!({
        "description": format!(
            "A {shape} image of {width} by {height} pixels, mostly {color}, with a soft \
             gradient and a round shape."
        ),
        "mood": "calm",
        "tags": [color, shape, "gradient", "circle", "abstract", "minimal"],
        "nsfw": false,
        "safety_labels": [],
        "subject": "a round shape",
        "style": "abstract",
        "lighting": "soft",
        "camera": "none",
        "clothing_or_accessories": "none",
        "aesthetic_terms": ["minimal", "geometric"],
        "pose": "none",
        "composition": format!("{shape}, the shape beside the middle"),
        "background": format!("a gradient of {color}"),
        "color_palette": [hex],
        "alt_text": format!("A round shape on a {color} gradient."),
    });
    let mut texts = parts(document).filter_map(|part| Some(part["text"].as_str()?.to_owned()));
    if texts.any(|text| text.contains("\"sd_caption\"")) {
        let tags = analysis["tags"].as_array().into_iter().flatten();
        let tags: Vec<&str> = tags.filter_map(Value::as_str).collect();
        analysis["sd_caption"] = tags.join(", ").into();
    }
    Ok(analysis.to_string())
}

/// The captions that a request asks for, as JSON text: made from the `platforms`, the `brief` with its
/// `topics`, or the `analysis`, and `sd_caption` of the JSON object in one of its messages.
pub(super) fn captions(document: &Value) -> String {
    let request = parts(document)
        .filter_map(|part| embedded_request(part["text"].as_str()?))
        .last()
        .unwrap_or_default();
    let analysis = &request["analysis"];
    let brief = request["brief"].as_str().filter(|brief| !brief.is_empty());
    let description = brief.or_else(|| analysis["description"].as_str());
    let description = description.unwrap_or("An image.");
    let tags: Vec<&str> = [&request["topics"], &analysis["tags"]]
        .into_iter()
        .find_map(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut captions = Map::new();
    for platform in request["platforms"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|it| it.0)
    {
        let caption = if platform == "email" {
            description.to_owned()
        } else {
            let hashtags = tags.iter().map(|tag| format!(" #{}", tag.replace(' ', "")));
            format!("{description}{}", hashtags.collect::<String>())
        };
        captions.insert(platform.clone(), caption.into());
    }
    let mut answer = json!({ "captions": captions });
    if request["sd_caption"] == true {
        answer["sd_caption"] = tags.join(", ").into();
    }
    answer.to_string()
}

/// The first JSON object in a text that has `platforms`.
fn embedded_request(text: &str) -> Option<Value> {
    objects(text).find(|value| value["platforms"].is_object() || value["sd_caption"] == true)
}

/// The JSON objects in a text, from each brace on that begins one.
fn objects(text: &str) -> impl Iterator<Item = Value> + '_ {
    let starts = text.match_indices('{').map(|(at, _)| at);
    starts.filter_map(|at| {
        let mut values = serde_json::Deserializer::from_str(text.get(at..)?).into_iter();
        values.next()?.ok()
    })
}

/// The texts that a request wants to have shortened, by name: each an object with a `text`, and with the `words` or the
/// `max_characters` that it may have. `None` where the request is another one.
pub(super) fn overlong(document: &Value) -> Option<Map<String, Value>> {
    let are_texts = |it: &Map<String, Value>| {
        !it.is_empty() && it.values().all(|entry| entry["text"].is_string())
    };
    parts(document).find_map(|part| {
        let mut all = objects(part["text"].as_str()?).filter_map(|it| it.as_object().cloned());
        all.find(are_texts)
    })
}

/// Shorter texts for those of a request, as JSON text: as many of the first words of each as it may have.
pub(super) fn condensed(document: &Value) -> String {
    let shorter = |(name, entry): (String, Value)| {
        let words = entry["words"].as_str().unwrap_or_default();
        let words = words.rsplit(' ').next().and_then(|it| it.parse().ok());
        let characters = entry["max_characters"].as_u64();
        let characters = characters.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(0));
        let mut text = String::new();
        let all = entry["text"].as_str().unwrap_or_default();
        for word in all.split_whitespace().take(words.unwrap_or(usize::MAX)) {
            // A blank before it, and a full stop behind it.
            if text.chars().count() + word.chars().count() + 2 > characters {
                break;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        let text = text.trim_end_matches(|c: char| c.is_ascii_punctuation());
        (name, Value::from(format!("{text}.")))
    };
    let texts = overlong(document).unwrap_or_default().into_iter();
    json!({ "captions": texts.map(shorter).collect::<Map<_, _>>() }).to_string()
}

/// A name and the hex form of an image's average color.
fn average_color(picture: &RgbImage) -> (&'static str, String) {
    let mut sums = [0_u64; 3];
    for pixel in picture.pixels() {
        for (sum, value) in sums.iter_mut().zip(pixel.0) {
            *sum += u64::from(value);
        }
    }
    let count = u64::from(picture.width() * picture.height()).max(1);
    let [red, green, blue] = sums.map(|sum| sum / count);
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let name = match () {
        () if most - least < 24 && most < 64 => "black",
        () if most - least < 24 && least > 192 => "white",
        () if most - least < 24 => "grey",
        () if red == most && green > blue + 24 => "orange",
        () if red == most => "red",
        () if green == most => "green",
        () => "blue",
    };
    (name, format!("#{red:02x}{green:02x}{blue:02x}"))
}

fn refusal(message: &str, code: &'static str) -> Refusal {
    (message.to_owned(), code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;

    fn request(user: &Value) -> Value {
        json!({
            "model": "gpt-4o",
            "messages": [
                { "role": "system", "content": "Answer in JSON." },
                { "role": "user", "content": user },
            ],
            "response_format": { "type": "json_object" },
        })
    }

    fn image_part(bytes: &[u8]) -> Value {
        let url = format!("data:image/png;base64,{}", STANDARD.encode(bytes));
        json!([{ "type": "image_url", "image_url": { "url": url, "detail": "low" } }])
    }

    #[test]
    fn an_analysis_tells_size_and_color_of_the_very_image() {
        let red = RgbImage::from_pixel(20, 10, image::Rgb([220, 20, 30]));
        let mut bytes = Cursor::new(Vec::new());
        red.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        let images = validate(&request(&image_part(bytes.get_ref()))).unwrap();
        let analysis: Value =
            serde_json::from_str(&vision(images.first(), &Value::Null).unwrap()).unwrap();
        let description = analysis["description"].as_str().unwrap();
        assert!(description.contains("20 by 10"), "{description}");
        assert!(description.contains("red"), "{description}");
        assert_eq!(analysis["color_palette"][0], "#dc141e");
    }

    #[test]
    fn unsound_requests_are_refused() {
        let sample = Sample::png("a.png", 4, 4, 1).unwrap();
        assert!(validate(&request(&image_part(&sample.bytes))).is_ok());
        assert!(validate(&request(&image_part(b"no image"))).is_err());
        let link = json!([{ "type": "image_url", "image_url": { "url": "https://x.test/a.png" } }]);
        assert!(validate(&request(&link)).is_err());
        let mut without_json = request(&json!("hello"));
        without_json["messages"][0]["content"] = "Answer.".into();
        assert!(validate(&without_json).is_err());
        let mut without_model = request(&json!("hello"));
        without_model["model"] = Value::Null;
        assert!(validate(&without_model).is_err());
        let mut reasoning = request(&json!("hello"));
        reasoning["model"] = "o3".into();
        reasoning["max_tokens"] = 100.into();
        assert_eq!(validate(&reasoning).unwrap_err().1, "unsupported_parameter");
    }

    #[test]
    fn captions_are_made_for_the_platforms_asked_for() {
        let wish = json!({
            "platforms": { "telegram": { "max_length": 1024 }, "email": {} },
            "sd_caption": true,
            "analysis": { "description": "A lantern.", "tags": ["paper", "warm light"] },
        });
        let text = format!("Write captions {{as JSON}} for:\n{wish}\nThanks.");
        let answer: Value = serde_json::from_str(&captions(&request(&text.into()))).unwrap();
        assert_eq!(
            answer["captions"]["telegram"],
            "A lantern. #paper #warmlight"
        );
        assert_eq!(answer["captions"]["email"], "A lantern.");
        assert_eq!(answer["sd_caption"], "paper, warm light");
    }

    #[test]
    fn texts_are_shortened_to_what_they_may_have() {
        let long = "One two, three four five six seven.";
        let wish = json!({
            "telegram": { "text": long, "max_characters": 19 },
            "email": { "text": long, "words": "2 to 3" },
            "bluesky": { "text": long, "words": "at most 2" },
        });
        let document = request(&format!("Shorten, and answer in JSON:\n{wish}").into());
        assert_eq!(overlong(&document).unwrap().len(), 3);
        let answer: Value = serde_json::from_str(&condensed(&document)).unwrap();
        let shorter = json!({
            "telegram": "One two, three.", "email": "One two, three.", "bluesky": "One two.",
        });
        assert_eq!(answer["captions"], shorter);
        let captions = json!({ "platforms": { "email": { "words": "at most 9" } }, "brief": "." });
        assert_eq!(overlong(&request(&captions.to_string().into())), None);
    }

    #[test]
    fn without_platforms_there_are_no_captions() {
        let answer: Value = serde_json::from_str(&captions(&request(&json!("hello")))).unwrap();
        assert_eq!(answer, json!({ "captions": {} }));
    }
}
