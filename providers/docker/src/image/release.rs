use std::collections::HashMap;

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptions, RemoveImageOptions};
use mprov_sdk::{Call, Fault};

use crate::fault::{engine_fault, has_status, unless_gone};

/// Takes a tag away if it still means that image, and the image with its last tag.
///
/// An image that a container uses, mprov's or not, stays with its tag: nothing of others is
/// broken, and a line of the log says who keeps it.
pub async fn release_tag(docker: &Docker, call: &Call, tag: &str, id: &str) -> Result<(), Fault> {
    let found = inspect_id(docker, tag).await?;
    if found.as_deref() != Some(id) {
        return Ok(());
    }
    if !remove(docker, tag).await? {
        report_kept(docker, call, tag, id).await?;
    }
    Ok(())
}

/// Removes images that have lost their tag to a newer one; the ids of those still in use.
pub async fn release_superseded(docker: &Docker, ids: &[String]) -> Result<Vec<String>, Fault> {
    let mut kept = Vec::new();
    for id in ids {
        let image = unless_gone(docker.inspect_image(id).await)
            .map_err(|e| engine_fault(format!("image {id} could not be inspected"), &e))?;
        let Some(image) = image else { continue };
        // Somebody has given it a tag since: theirs now.
        let has_tag = image.repo_tags.is_some_and(|tags| !tags.is_empty());
        if !has_tag && !remove(docker, id).await? {
            kept.push(id.clone());
        }
    }
    Ok(kept)
}

/// The id that a tag means; none where there is no such tag.
pub async fn inspect_id(docker: &Docker, tag: &str) -> Result<Option<String>, Fault> {
    let image = unless_gone(docker.inspect_image(tag).await)
        .map_err(|e| engine_fault(format!("image {tag} could not be inspected"), &e))?;
    Ok(image.and_then(|i| i.id))
}

/// False where something still uses it.
async fn remove(docker: &Docker, image: &str) -> Result<bool, Fault> {
    match docker.remove_image(image, None::<RemoveImageOptions>, None).await {
        Ok(_) => Ok(true),
        Err(error) if has_status(&error, 404) => Ok(true),
        Err(error) if has_status(&error, 409) => Ok(false),
        Err(error) => Err(engine_fault(format!("image {image} could not be removed"), &error)),
    }
}

async fn report_kept(docker: &Docker, call: &Call, tag: &str, id: &str) -> Result<(), Fault> {
    let filters = HashMap::from([("ancestor".to_owned(), vec![id.to_owned()])]);
    let options = ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
    let users = docker
        .list_containers(Some(options))
        .await
        .map_err(|e| engine_fault("containers could not be listed", &e))?;
    let users: Vec<String> = users
        .into_iter()
        .flat_map(|c| c.names.unwrap_or_default())
        .map(|name| name.trim_start_matches('/').to_owned())
        .collect();
    call.events.log(&format!(
        "image {tag} stays: containers use it that are not managed here ({}). \
         `docker rmi {tag}` removes it when they are gone.",
        users.join(", ")
    ));
    Ok(())
}
