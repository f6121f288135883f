//! Dropbox's RPC endpoints: JSON in, JSON out. Used by the Dropbox stand-in.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    dropbox::{Cursor, State},
    dropbox_arguments::{Arguments, tagged_error, tree_error},
    record::RecordedRequest,
    reply::Reply,
};

/// Where temporary links point.
pub(super) const LINKS: &str = "/sandbox/temporary/";

/// Answers one call of this account.
pub(super) fn answer(
    state: &mut State,
    account: &str,
    request: &RecordedRequest,
) -> Result<Reply, Reply> {
    let function = format!("files/{}", request.operation);
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Err(Reply::text(
            400,
            format!(
                "Error in call to API function \"{function}\": Bad HTTP \"Content-Type\" header: \
                 \"{content_type}\". Expecting one of \"application/json\", \
                 \"application/json; charset=utf-8\", \
                 \"text/plain; charset=dropbox-cors-hack\"."
            ),
        ));
    }
    let arguments = Arguments {
        document: request.json().filter(Value::is_object).ok_or_else(|| {
            Reply::text(
                400,
                format!(
                    "Error in call to API function \"{function}\": request body: could not \
                     decode input as JSON"
                ),
            )
        })?,
        function,
    };
    match request.operation.as_str() {
        "list_folder" => list_folder(state, account, &arguments),
        "list_folder/continue" => list_folder_continue(state, account, &arguments),
        "get_metadata" => get_metadata(state, account, &arguments),
        "get_temporary_link" => get_temporary_link(state, account, &arguments, request),
        "move_v2" => move_v2(state, account, &arguments),
        "create_folder_v2" => {
            let path = arguments.path("path")?;
            let autorename = arguments.flag("autorename");
            let made = state.tree(account).make_folder(path, autorename);
            let made = made.map_err(|error| tree_error(error, "path", "path"))?;
            Ok(Reply::json(
                200,
                &json!({ "metadata": made.metadata(false) }),
            ))
        }
        "delete_v2" => {
            let deleted = state.tree(account).delete(arguments.path("path")?);
            let deleted = deleted.map_err(|error| tree_error(error, "path_lookup", "path"))?;
            Ok(Reply::json(
                200,
                &json!({ "metadata": deleted.metadata(true) }),
            ))
        }
        _ => Err(Reply::text(404, "Unknown API function")),
    }
}

fn list_folder(state: &mut State, account: &str, arguments: &Arguments) -> Result<Reply, Reply> {
    let path = arguments.folder("path")?;
    let limit = match &arguments.document["limit"] {
        Value::Null => 2000,
        limit => limit
            .as_u64()
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| (1..=2000).contains(limit))
            .ok_or_else(|| arguments.malformed("limit: expected an integer from 1 to 2000"))?,
    };
    let (recursive, tree) = (arguments.flag("recursive"), state.tree(account));
    let changes = tree.changes();
    let entries = tree.list(path, recursive);
    let entries = entries.map_err(|error| tree_error(error, "path", "path"))?;
    let cursor = Cursor {
        account: account.to_owned(),
        folder: path.to_owned(),
        recursive,
        entries: Arc::new(entries),
        told: 0,
        changes,
        limit,
    };
    Ok(page(state, cursor))
}

/// The rest of a listing, or else what has changed since.
fn list_folder_continue(
    state: &mut State,
    account: &str,
    arguments: &Arguments,
) -> Result<Reply, Reply> {
    let token = arguments.text("cursor")?;
    let cursor = state.cursors.get(token).filter(|it| it.account == account);
    // A cursor may be used again: the caller may have missed the answer.
    let mut cursor = cursor.cloned().ok_or_else(|| tagged_error(&["reset"]))?;
    if cursor.told == cursor.entries.len() {
        let tree = state.tree(account);
        let changed = tree.changed_since(cursor.changes, &cursor.folder, cursor.recursive);
        let changed = changed.map_err(|error| tree_error(error, "path", "path"))?;
        (cursor.entries, cursor.told, cursor.changes) = (Arc::new(changed), 0, tree.changes());
    }
    Ok(page(state, cursor))
}

fn page(state: &mut State, mut cursor: Cursor) -> Reply {
    let rest = cursor.entries.get(cursor.told..).unwrap_or_default();
    let size = cursor.limit.min(state.page_size).min(rest.len());
    let entries = rest.get(..size).unwrap_or_default().to_vec();
    cursor.told += size;
    let has_more = cursor.told < cursor.entries.len();
    if !has_more {
        // No more of them is needed, and there are many.
        (cursor.entries, cursor.told) = (Arc::default(), 0);
    }
    let token = format!("sandbox-cursor-{}", Uuid::new_v4().simple());
    state.cursors.insert(token.clone(), cursor);
    Reply::json(
        200,
        &json!({ "entries": entries, "cursor": token, "has_more": has_more }),
    )
}

fn get_metadata(state: &mut State, account: &str, arguments: &Arguments) -> Result<Reply, Reply> {
    if arguments.folder("path")?.is_empty() {
        return Err(arguments.malformed("path: The root folder is unsupported."));
    }
    let found = state.tree(account).find(arguments.path("path")?);
    let node = found.map_err(|error| tree_error(error, "path", "path"))?;
    Ok(Reply::json(200, &node.metadata(true)))
}

fn get_temporary_link(
    state: &mut State,
    account: &str,
    arguments: &Arguments,
    request: &RecordedRequest,
) -> Result<Reply, Reply> {
    let found = state.tree(account).file(arguments.path("path")?);
    let metadata = found
        .map_err(|error| tree_error(error, "path", "path"))?
        .metadata(false);
    let id = metadata["id"].as_str().unwrap_or_default().to_owned();
    let token = Uuid::new_v4().simple().to_string();
    let host = request.header("host").unwrap_or_default();
    let link = format!("http://{host}{LINKS}{token}");
    state.issued.note(&token);
    state.links.insert(token, (account.to_owned(), id));
    Ok(Reply::json(
        200,
        &json!({ "metadata": metadata, "link": link }),
    ))
}

fn move_v2(state: &mut State, account: &str, arguments: &Arguments) -> Result<Reply, Reply> {
    let (from, to) = (arguments.path("from_path")?, arguments.path("to_path")?);
    let autorename = arguments.flag("autorename");
    let moved = state.tree(account).rename(from, to, autorename);
    let moved = moved.map_err(|error| tree_error(error, "from_lookup", "to"))?;
    Ok(Reply::json(
        200,
        &json!({ "metadata": moved.metadata(true) }),
    ))
}
