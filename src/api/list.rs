//! Lists as they are served and as `-o json` shows them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Version of every document of this API and of the command line's JSON.
pub const API_VERSION: &str = "cli.skep.io/v1";

/// Something that is listed.
pub trait Listed: Serialize + DeserializeOwned + Send + 'static {
    /// Kind of the list, such as `EndpointList`.
    const KIND: &'static str;
    /// Path on the admin socket.
    const PATH: &'static str;
}

/// A list of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`Listed::KIND`].
    pub kind: String,
    /// The items.
    pub items: Vec<Located<T>>,
}

/// An item and the node that told about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Located<T> {
    /// Name of the node whose agent was asked.
    pub node_name: String,
    /// The item.
    #[serde(flatten)]
    pub item: T,
}

impl<T: Listed> List<T> {
    /// Makes a list of what one node told.
    pub fn of_node(node_name: &str, items: impl IntoIterator<Item = T>) -> Self {
        Self::of(
            items
                .into_iter()
                .map(|item| Located { node_name: node_name.to_owned(), item })
                .collect(),
        )
    }

    /// Makes a list of located items.
    pub fn of(items: Vec<Located<T>>) -> Self {
        Self { api_version: API_VERSION.into(), kind: T::KIND.into(), items }
    }
}
