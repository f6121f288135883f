//! JSON that is written once and sent again and again.

use std::{marker::PhantomData, sync::OnceLock};

use bytes::Bytes;
use poem::{
    Body, IntoResponse, Response,
    http::{HeaderValue, header},
};
use poem_openapi::{
    ApiResponse,
    payload::{Json, Payload},
    registry::{MetaResponses, MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};

/// A JSON payload, to clients and in the document the same as [`Json`].
pub struct KeptJson<T> {
    json: Bytes,
    of: PhantomData<fn() -> T>,
}

impl<T: ToJSON> KeptJson<T> {
    /// What is kept there, or what is written there now.
    pub fn of(kept: &OnceLock<Bytes>, make: impl FnOnce() -> T) -> Self {
        let json = kept.get_or_init(|| make().to_json_string().into());
        Self {
            json: json.clone(),
            of: PhantomData,
        }
    }
}

impl<T: Type> Payload for KeptJson<T> {
    const CONTENT_TYPE: &'static str = <Json<T> as Payload>::CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Send> IntoResponse for KeptJson<T> {
    fn into_response(self) -> Response {
        answer(self.json)
    }
}

/// The answer whose JSON this is.
pub fn answer(json: Bytes) -> Response {
    let mut response = Body::from(json).into_response();
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

impl<T: ToJSON> ApiResponse for KeptJson<T> {
    fn meta() -> MetaResponses {
        Json::<T>::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
