//! Recognizing refusals in words.

use super::pattern::Pattern;

/// "I cannot", as models say it.
macro_rules! unable {
    () => {
        r"(?:i\s+(?:can['’]?t|cannot|can\s+not|won['’]?t|will\s+not|am\s+(?:not\s+able|unable)\s+to|must\s+decline|do\s+not\s+have\s+the\s+ability\s+to|don['’]?t\s+have\s+the\s+ability\s+to)|i['’]m\s+(?:not\s+able|unable)\s+to)"
    };
}

/// The action on an image that a model says it cannot do.
macro_rules! with_images {
    () => {
        r"(?:directly\s+)?(?:view|see|access|open|display|process|look\s+at|analy[sz]e|identify|describe)\s+(?:(?:any|the|this|these|that|those|attached|actual|real|your|or|and|view|see|analy[sz]e)\s+)*(?:images?|attachments?|photos)"
    };
}

/// The beginning of a text that can only be a refusal. "I can't let go" is a caption.
static REFUSAL: Pattern = Pattern::new(concat!(
    r"(?i)\A\W*(?:(?:i['’]m|i\s+am)\s+(?:very\s+|so\s+|really\s+)?sorry\b.{0,40}?\b",
    unable!(),
    r"|(?:sorry|apologies|i\s+apologi[sz]e)\b.{0,40}?\b",
    unable!(),
    r"|(?:unfortunately|i['’]m\s+afraid|i\s+regret)\b,?.{0,20}?\b",
    unable!(),
    r"\s+(?:assist|help|comply|fulfil|provide|create|write|generate|describe|analy[sz]e|process|identify|view|continue|complete)|as\s+an\s+ai\b|",
    unable!(),
    r"\s+(?:assist|comply|help\s+(?:you\s+)?with|fulfill?\s+th|provide\s+(?:a|any|the|an|that|this)\s+(?:caption|description|analysis|response|content)|(?:describe|analy[sz]e|process|identify|caption)\s+(?:this|the|that|these|real|images?|people|individuals|who)|",
    with_images!(),
    r")|this\s+(?:image|request|content)\s+(?:violates|goes\s+against))",
));

/// The beginning of a refusal in other languages. Each needs both "I cannot" and the action: to help, or to describe.
static ELSEWHERE: Pattern = Pattern::new(concat!(
    r"(?is)\A\W*(?:",
    // German.
    r"(?:(?:es\s+)?tut\s+mir\s+(?:sehr\s+)?leid|entschuldigung|entschuldige|verzeihung|leider|ich)\b.{0,60}?\b",
    r"(?:kann|darf|möchte|werde)\b.{0,60}?\bnicht\b.{0,40}?",
    r"\b(?:(?:weiter)?helfen|behilflich|unterstützen|beschreiben|analysieren|verarbeiten|erstellen|schreiben\s+zu",
    r"|nachkommen|beantworten|identifizieren|(?:bilder|fotos|dieses\s+bild|das\s+bild)\s+(?:direkt\s+)?(?:an)?sehen)\b",
    r"|als\s+(?:eine?\s+)?ki\b|ich\s+kann\s+(?:keine\s+)?(?:bilder|fotos)\s+(?:nicht\s+)?(?:direkt\s+)?(?:an)?sehen\b",
    r"|ich\s+bin\s+nicht\s+in\s+der\s+lage,?\s+(?:dieses|das|diese|ihnen|dir|dabei)\b",
    "|",
    // French.
    r"(?:(?:je\s+suis\s+(?:vraiment\s+)?désolée?|désolée?|je\s+m['’]excuse|malheureusement)\b.{0,40}?\b)?",
    r"je\s+ne\s+(?:peux|puis|pourrai|suis)\s+(?:malheureusement\s+)?pas\b.{0,40}?",
    r"(?:\baider\b|\bassister\b|\brépondre\s+à|\btraiter\s+cette|\bfournir\b",
    r"|\b(?:décrire|analyser|identifier|voir)\b.{0,20}?\b(?:images?|photos?|personnes?)\b)",
    r"|en\s+tant\s+qu['’](?:ia|intelligence\s+artificielle)\b",
    "|",
    // Spanish.
    r"(?:(?:lo\s+siento|lo\s+lamento|perdón|disculpa|desafortunadamente|lamentablemente)\b.{0,30}?\b)?",
    r"no\s+(?:puedo|podré|soy\s+capaz\s+de)\b.{0,30}?",
    r"(?:\bayudar(?:te|le|los|con)?\b|\basistir\w{0,3}\b|\bproporcionar\b|\bcumplir\s+con\b",
    r"|\b(?:describir|analizar|identificar|procesar|ver)\b.{0,20}?\b(?:imagen|imágenes|fotos?|personas?)\b)",
    r"|como\s+(?:una\s+)?(?:ia|inteligencia\s+artificial)\b",
    "|",
    // Italian, Portuguese, Dutch, Russian, Chinese and Japanese.
    r"(?:mi\s+dispiace|spiacente|purtroppo)\b.{0,30}?\bnon\s+posso\b.{0,30}?\b(?:aiutar\w{0,3}|descrivere|analizzare|identificare)\b",
    r"|(?:desculpe|lamento|sinto\s+muito|infelizmente)\b.{0,30}?\bnão\s+posso\b.{0,30}?\b(?:ajudar|ajudá-lo|descrever|analisar|identificar)",
    r"|(?:het\s+spijt\s+me|sorry|helaas)\b.{0,30}?\bik\s+kan\b.{0,40}?\b(?:niet|geen)\b.{0,30}?\b(?:helpen|beschrijven|analyseren|identificeren)\b",
    r"|(?:извините|простите|к\s+сожалению).{0,40}?я\s+не\s+могу.{0,40}?(?:помочь|описать|анализировать)",
    r"|(?:很?抱歉|对不起|對不起).{0,20}?(?:无法|無法|不能)|申し訳(?:ありません|ございません)が",
    ")",
));

/// The beginning of a refusal to write, of a question for the image, or of a remark in place of a text.
static NO_TEXT: Pattern = Pattern::new(concat!(
    r"(?i)\A\W*(?:my\s+apologies\b.{0,40}?\b",
    unable!(),
    r"|(?:(?:unfortunately|sorry)[,.]?\s+(?:but\s+)?)?",
    unable!(),
    r"\s+(?:be\s+able\s+to\s+)?(?:create|write|generate|produce|compose|craft|shorten|condense)\b.{0,40}?",
    r"\b(?:captions?|content|images?|requests?|descriptions?|material)\b",
    r"|i(?:['’]m|\s+am)?\s+(?:going\s+to\s+)?(?:have\s+to|must|need\s+to)\s+decline\b",
    r"|(?:i(?:['’]m|\s+am)\s+not|i\s+(?:don['’]?t|do\s+not)\s+feel)\s+comfortable\s+\w+ing\b",
    r"|(?:this|the)\s+(?:image|request|content)\s+(?:may|might|could|would|appears\s+to|seems\s+to)\s+(?:violate|go\s+against|be\s+against)\b",
    r"|as\s+an?\s+(?:large\s+|ai\s+)*language\s+model\b",
    r"|it\s+(?:looks|seems)\s+like\b.{0,60}?\bbut\s+",
    unable!(),
    r"\s+(?:help|assist)\b",
    r"|no\s+(?:image|photo|picture)\s+(?:was|is|has\s+been)\s+(?:provided|attached|given|included|shared)\b",
    r"|please\s+(?:provide|share|upload|attach)\b.{0,40}?\b(?:image|photo|picture|details|information)\b",
    r"|(?:could|can)\s+you\s+(?:please\s+)?(?:share|provide|upload|attach)\b.{0,40}?\b(?:image|photo|picture|details)\b",
    r"|(?:the|this|your)\s+(?:caption|text)\s+(?:has\s+been|was|is\s+now)\s+(?:shortened|condensed)\b",
    r"|(?:redacted|refused|censored|withheld|captions?\s+(?:is\s+)?(?:unavailable|withheld|refused))\W*\z",
    // Polish.
    r"|(?:przykro\s+mi|przepraszam|niestety)\b.{0,30}?\bnie\s+mogę\b.{0,30}?\bpomóc\b",
    ")",
));

/// A refusal near the beginning of a text that is no answer.
static PROSE: Pattern = Pattern::new(
    r"(?i)\b(?:sorry|apologi[sz]e)\b|\bi(?:['’]m|\s+am)?\s+(?:\w+\s+){0,2}?(?:can['’]?t|cannot|can\s+not|unable|not\s+able|won['’]?t|will\s+not|decline|refuse|not\s+comfortable|not\s+(?:allowed|permitted)|rather\s+not)(?:\W|\z)|\b(?:against|violates?)\s+(?:my|our|the|openai['’]?s?)\s+(?:\w+\s+)?(?:guidelines|polic(?:y|ies))\b",
);

/// A refusal, or an excuse, in front of an answer.
static EXCUSE: Pattern = Pattern::new(concat!(
    r"(?i)\A\W*(?:",
    // English.
    r"(?:(?:unfortunately|sorry|apologies|i['’]m\s+(?:very\s+)?sorry|i\s+apologi[sz]e|i['’]m\s+afraid|while|although|though|as\s+an\s+ai[^,.:\n]{0,40})[,.]?\s*(?:but\s+)?)*",
    unable!(),
    r"\s+(?:",
    with_images!(),
    r"|assist|help|provide|create|generate|identify|describe|analy[sz]e|comply)[^:\n]{0,200}?\b(?:here(?:['’]s|\s+is|\s+are)|i\s+can\s+(?:offer|suggest|provide|write))\b[^:\n]{0,60}?\b(?:captions?|descriptions?|suggestions?|alternative|version|subject(?:\s+line)?|text|draft|idea|example|one)\b[^:\n]{0,80}",
    "|",
    // German.
    r"(?:leider\s+|es\s+tut\s+mir\s+leid,?\s*(?:aber\s+)?)?(?:ich\s+kann|kann\s+ich)\b[^:\n]{0,120}?\b(?:nicht|keine)\b[^:\n]{0,120}?\bhier\s+(?:ist|sind|kommt)\b[^:\n]{0,60}?(?:bildunterschrift|beschreibung|caption|text|vorschlag)[^:\n]{0,60}",
    "|",
    // French.
    r"(?:désolée?,?\s*(?:mais\s+)?)?je\s+ne\s+(?:peux|puis)\s+pas\b[^:\n]{0,160}?\bvoici\b[^:\n]{0,60}?(?:légende|description|proposition|texte)[^:\n]{0,60}",
    "|",
    // Spanish.
    r"(?:lo\s+siento,?\s*(?:pero\s+)?)?no\s+puedo\b[^:\n]{0,160}?\baquí\b[^:\n]{0,60}?(?:leyenda|descripción|pie\s+de\s+foto|texto|título)[^:\n]{0,60}",
    r")[:：]\s*",
));

/// A text without the excuse in front of it: "I'm unable to view images, but here is a caption: Rope."
pub(super) fn without_refusal(text: &str) -> &str {
    let excuse = EXCUSE.find(text).map_or(0, |excuse| excuse.end());
    &text[excuse..]
}

/// The searched part of an answer, in bytes.
const LOOKED_AT: usize = 600;

/// Whether a text is a refusal.
pub(crate) fn is_refusal(text: &str) -> bool {
    let beginning = beginning(text);
    [&REFUSAL, &NO_TEXT, &ELSEWHERE]
        .iter()
        .any(|refusal| refusal.is_match(beginning))
}

/// Whether an answer without the requested text reads like a refusal.
pub(crate) fn may_be_refusal(answer: &str) -> bool {
    let answer = without_refusal(answer);
    is_refusal(answer) || PROSE.is_match(beginning(answer))
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(LOOKED_AT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_in_any_place() {
        for text in [
            "I'm sorry, I can't assist with that.",
            "I’m sorry, but I can’t help with that request.",
            "Sorry, I cannot describe this image.",
            "I cannot assist with this.",
            "I can't help with identifying people.",
            "I'm unable to analyze this image.",
            "I am not able to provide a caption for this.",
            "As an AI language model, I",
            "Unfortunately, I cannot process this image.",
            "**I'm sorry**, but I cannot comply.",
            "I'm unable to view images directly.",
            "I can't see any images.",
            "Es tut mir leid, aber dabei kann ich nicht helfen.",
            "Tut mir leid, ich kann dieses Bild nicht beschreiben.",
            "Leider kann ich bei dieser Anfrage nicht weiterhelfen.",
            "Ich kann dir dabei leider nicht helfen.",
            "Je suis désolé, mais je ne peux pas vous aider avec cette demande.",
            "Désolée, je ne peux pas décrire cette image.",
            "Je ne peux pas répondre à cette demande.",
            "Lo siento, pero no puedo ayudarte con eso.",
            "Lo siento, no puedo describir esta imagen.",
            "No puedo ayudar con esa solicitud.",
            "Mi dispiace, ma non posso aiutarti con questa richiesta.",
            "Desculpe, mas não posso ajudar com isso.",
            "Het spijt me, maar ik kan daar niet mee helpen.",
            "Извините, но я не могу помочь с этим.",
            "抱歉，我无法协助处理这个请求。",
            "申し訳ありませんが、お手伝いできません。",
            "I'm unable to create captions for this content.",
            "I'm not able to write captions for this image.",
            "I can't create that kind of content.",
            "I won't be able to write explicit captions.",
            "I'm not comfortable creating sexual content.",
            "I don't feel comfortable writing this.",
            "I must decline to write this.",
            "I'm going to have to decline this request.",
            "My apologies, but I can't do that.",
            "This content may violate our usage policies.",
            "As a language model, I can't see images.",
            "It looks like you want a caption, but I can't help with explicit content.",
            "No image was provided.",
            "Please provide more details about the picture.",
            "Could you share the picture with me?",
            "Caption unavailable.",
            "[Redacted]",
            "[REFUSED]",
            "I'm unable to shorten this content.",
            "The caption has been shortened to 30 words.",
            "Przykro mi, nie mogę pomóc.",
        ] {
            assert!(is_refusal(text) && may_be_refusal(text), "{text}");
        }
        for text in [
            "I would rather not: it violates the policy.",
            "I won't do it.",
        ] {
            assert!(may_be_refusal(text), "{text}");
        }
    }

    #[test]
    fn captions_that_speak_of_not_being_able_to_are_none() {
        for text in [
            "I can't let go of this rope.",
            "I can't help falling in love with this light.",
            "Sorry not sorry.",
            "I cannot see the end of it, and I like that.",
            "I won't forget the knot.",
            "I can't stop looking at the knot.",
            "I cannot write this down fast enough.",
            "I'm not comfortable yet. The rope is.",
            "Please hold still.",
            "Could you hold this end?",
            "This image is the third of nine.",
            "The text on the wall was there before us.",
            "Refused to hold still, twice.",
            "I must go on.",
            "A knot. I'm sorry for nothing.",
            "Unable to move, and calm.",
            "I can't see the end of the rope.",
            "I can't describe how it holds me.",
            "Es tut mir nicht leid.",
            "Leider geil.",
            "Ich kann nicht genug davon haben.",
            "Es tut mir leid, dass es vorbei ist.",
            "Leider kann ich nicht bleiben.",
            "Je ne peux pas oublier cette corde.",
            "Désolé, pas désolé.",
            "Cette corde, je ne peux pas la décrire.",
            "Je ne peux pas décrire ce que je sens.",
            "No puedo describir lo que siento.",
            "Je suis là.",
            "No puedo soltar la cuerda.",
            "Lo siento todo.",
            "Non posso fermarmi.",
            "Ik kan niet stoppen.",
            "",
        ] {
            assert!(!is_refusal(text), "{text}");
        }
        for text in [
            "It shows a knot that can't be untied, for safety.",
            "",
            "{\"mood\":\"calm\"}",
        ] {
            assert!(!may_be_refusal(text), "{text}");
        }
    }

    #[test]
    fn an_excuse_goes_where_a_text_follows_it() {
        for text in [
            "I'm unable to view images directly, but here is a caption: Rope.",
            "I can't view images. Here's a caption for Telegram: Rope.",
            "I'm sorry, but I cannot see the image; here is a possible caption: Rope.",
            "Unfortunately, I can't identify people, but I can offer a description: Rope.",
            "While I can't identify the person, here's a short description of it: Rope.",
            "Leider kann ich Bilder nicht direkt sehen, aber hier ist eine Bildunterschrift: Rope.",
            "Je ne peux pas voir les images, mais voici une légende : Rope.",
            "Lo siento, no puedo ver imágenes, pero aquí tienes una leyenda: Rope.",
        ] {
            assert_eq!(without_refusal(text), "Rope.", "{text}");
        }
        for text in [
            "I can't stop looking, but here is the thing: rope.",
            "I can't help it: rope.",
            "I can't assist with that.",
            "Here is one: Rope.",
            "Ich kann nicht anders: Seil.",
        ] {
            assert_eq!(without_refusal(text), text);
        }
    }
}
