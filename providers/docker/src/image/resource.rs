use std::collections::BTreeSet;

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::ImageInspect;
use bollard::query_parameters::TagImageOptions;
use mprov_sdk::{Call, Fault, Object, Resource, Value};

use super::build::build;
use super::load::{self, split_reference};
use super::release::{inspect_id, release_superseded, release_tag};
use super::source::{Source, content_hash};
use crate::fault::{engine_fault, unless_gone};
use crate::labels::content_of;
use crate::lingering::Lingering;

pub struct ImageResource {
    pub docker: Docker,
}

#[async_trait]
impl Resource for ImageResource {
    async fn prepare(&self, call: &Call, config: Object) -> Result<Object, Fault> {
        let hash = content_hash(&config, &call.base_dir).await?;
        Ok(config.with("content_hash", hash))
    }

    async fn read(&self, _call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let Some(image) = self.inspect(stored.str("name")?).await? else { return Ok(None) };
        let id = stored.str("id")?;
        if image.id.as_deref() == Some(id) {
            return Ok(Some(stored.clone()));
        }
        // The tag means another image now: made by an update whose outcome was not recorded, or
        // by somebody else. Its label tells what it was made from.
        let mut seen = described(stored, &image);
        seen.set("content_hash", content_of(&image, stored.str("name")?).unwrap_or_else(|| "unknown".into()));
        let mut superseded = stored.strings("superseded")?;
        if inspect_id(&self.docker, id).await?.is_some() {
            superseded.push(id.to_owned());
        }
        seen.set("superseded", strings(superseded));
        Ok(Some(seen))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        self.make(call, planned, None).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let id = prior.str("id")?;
        let wanted_id = planned.opt_str("id")?.unwrap_or(id);
        if wanted_id != id && self.inspect(wanted_id).await?.is_some() {
            return self.go_back(call, prior, planned).await;
        }
        let is_same = planned.get("content_hash").same(prior.get("content_hash"));
        if !is_same || inspect_id(&self.docker, id).await?.is_none() {
            return self.make(call, planned, Some(prior)).await;
        }
        let superseded = release_superseded(&self.docker, &prior.strings("superseded")?).await?;
        let tags = self.rename(call, prior, planned).await?;
        let mut now = planned.clone();
        for name in ["id", "digest", "size", "content_hash"] {
            now.set(name, prior.get(name).clone());
        }
        Ok(now.with("tags", strings(tags)).with("superseded", strings(superseded)))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        if prior.opt_bool("keep_on_destroy")?.unwrap_or(false) {
            return Ok(());
        }
        let id = prior.str("id")?;
        for tag in prior.strings("tags")? {
            release_tag(&self.docker, call, &tag, id).await?;
        }
        release_superseded(&self.docker, &prior.strings("superseded")?).await?;
        Ok(())
    }

    /// A build or an import is known by the label with its hash. A pull or a load is simply done
    /// again: that makes nothing twice.
    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let name = planned.str("name")?;
        let Some(image) = self.inspect(name).await? else { return Ok(None) };
        let hash = match planned.get("content_hash").as_str() {
            Some(hash) => Value::from(hash),
            None => content_hash(planned, &call.base_dir).await?,
        };
        if content_of(&image, name).as_deref() != hash.as_str() {
            return Ok(None);
        }
        let made = described(planned, &image).with("content_hash", hash);
        Ok(Some(made.with("tags", strings([name.to_owned()])).with("superseded", strings([]))))
    }

    async fn remains(&self, call: &Call, prior: &Object) -> Result<Option<Object>, Fault> {
        let lingering = Lingering::begin();
        loop {
            match self.read(call, prior).await? {
                Some(_) if lingering.goes_on().await => {}
                left => return Ok(left),
            }
        }
    }

    async fn import(&self, _call: &Call, id: &str) -> Result<Object, Fault> {
        let image = self.inspect(id).await?.ok_or_else(|| {
            Fault::new(format!("there is no image {id}")).detail("`docker images` lists what there is.")
        })?;
        let empty = ["pull", "build", "archive", "rootfs", "changes"];
        let object: Object = empty.into_iter().map(|name| (name, Value::Null)).collect();
        let object = described(&object.with("name", id), &image)
            .with("keep_on_destroy", false)
            .with("content_hash", content_of(&image, id).unwrap_or_else(|| "unknown".into()));
        Ok(object.with("tags", strings([id.to_owned()])).with("superseded", strings([])))
    }
}

impl ImageResource {
    async fn inspect(&self, name: &str) -> Result<Option<ImageInspect>, Fault> {
        unless_gone(self.docker.inspect_image(name).await)
            .map_err(|e| engine_fault(format!("image {name} could not be inspected"), &e))
    }

    /// Gives the tag back to an image that is still there: what takes an update back.
    async fn go_back(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let (id, name) = (planned.str("id")?, planned.str("name")?);
        self.tag(id, name).await?;
        let mut superseded = prior.strings("superseded")?;
        superseded.push(prior.str("id")?.to_owned());
        for tag in prior.strings("tags")?.iter().filter(|tag| *tag != name) {
            release_tag(&self.docker, call, tag, prior.str("id")?).await?;
        }
        superseded.retain(|old| old != id);
        let superseded = release_superseded(&self.docker, &superseded).await?;
        let tags = planned.strings("tags")?;
        Ok(planned.clone().with("tags", strings(tags)).with("superseded", strings(superseded)))
    }

    /// Moves the image to its planned name; the tags that it has then.
    async fn rename(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Vec<String>, Fault> {
        let (id, name, before) = (prior.str("id")?, planned.str("name")?, prior.str("name")?);
        let mut tags = prior.strings("tags")?;
        if name == before {
            return Ok(tags);
        }
        self.refuse_taken_tag(name, Some(id)).await?;
        self.tag(id, name).await?;
        tags.retain(|tag| tag != name);
        tags.push(name.to_owned());
        if tags.iter().any(|tag| tag == before) {
            release_tag(&self.docker, call, before, id).await?;
            tags.retain(|tag| tag != before);
        }
        Ok(tags)
    }

    /// Makes the image, tags it, and lets the one go that had the tag before.
    async fn make(&self, call: &Call, planned: &Object, prior: Option<&Object>) -> Result<Object, Fault> {
        let name = planned.str("name")?;
        let source = Source::of(planned, &call.base_dir)?;
        let source = source.ok_or_else(|| Fault::new(format!("the source of image {name} is not known")))?;
        let hash = content_hash(planned, &call.base_dir).await?;
        if planned.get("content_hash").as_str().is_some() && !hash.same(planned.get("content_hash")) {
            return Err(Fault::new(format!(
                "what image {name} is made from has changed since the plan was made"
            ))
            .detail("A file of its source was edited, added or removed meanwhile. Plan again."));
        }
        let prior_id = prior.map(|p| p.str("id")).transpose()?;
        // Without a record of it, what has the tag now is of a run that was forgotten.
        let before = match prior_id {
            Some(id) => Some(id.to_owned()),
            None => self.inspect(name).await?.filter(|i| content_of(i, name).is_some()).and_then(|i| i.id),
        };
        let mut tags = BTreeSet::from([name.to_owned()]);
        tags.extend(prior.map(|p| p.strings("tags")).transpose()?.unwrap_or_default());
        let extra = self.make_from(call, &source, hash.as_str().unwrap_or_default(), name, prior_id).await?;
        tags.extend(extra);

        let image = self.inspect(name).await?.ok_or_else(|| {
            Fault::new(format!("image {name} vanished right after it was made"))
                .detail("Somebody or something else removed it.")
        })?;
        let made = described(planned, &image).with("content_hash", hash);
        let id = made.str("id")?.to_owned();
        let mut superseded = prior.map(|p| p.strings("superseded")).transpose()?.unwrap_or_default();
        if let Some(before) = before.filter(|before| *before != id) {
            for tag in prior.map(|p| p.strings("tags")).transpose()?.unwrap_or_default() {
                release_tag(&self.docker, call, &tag, &before).await?;
            }
            superseded.push(before);
        }
        let superseded = release_superseded(&self.docker, &superseded).await?;
        let superseded = superseded.into_iter().filter(|old| *old != id).collect::<Vec<_>>();
        Ok(made.with("tags", strings(tags)).with("superseded", strings(superseded)))
    }

    /// Ends with the tag on the image. The result are further tags that came with it.
    async fn make_from(
        &self,
        call: &Call,
        source: &Source,
        hash: &str,
        name: &str,
        prior_id: Option<&str>,
    ) -> Result<Option<String>, Fault> {
        match source {
            Source::Build(what) => {
                self.refuse_taken_tag(name, prior_id).await?;
                build(&self.docker, call, what, hash, name).await?;
                Ok(None)
            }
            Source::Rootfs { path, changes } => {
                self.refuse_taken_tag(name, prior_id).await?;
                load::import_rootfs(&self.docker, call, path, changes, hash, name).await?;
                Ok(None)
            }
            Source::Pull { reference } => {
                let was_there = inspect_id(&self.docker, reference).await?.is_some();
                load::pull(&self.docker, call, reference).await?;
                self.tag_loaded(reference, name, prior_id).await?;
                Ok((!was_there && is_tag(reference)).then(|| reference.clone()))
            }
            Source::Archive { path } => {
                let tags_before = self.all_tags().await?;
                let loaded = load::load(&self.docker, call, path).await?;
                self.tag_loaded(&loaded, name, prior_id).await?;
                let is_new = is_tag(&loaded) && !tags_before.contains(&loaded);
                Ok(is_new.then_some(loaded))
            }
        }
    }

    async fn tag_loaded(&self, loaded: &str, name: &str, prior_id: Option<&str>) -> Result<(), Fault> {
        let id = inspect_id(&self.docker, loaded).await?;
        let id =
            id.ok_or_else(|| Fault::new(format!("image {loaded} vanished right after it was loaded")))?;
        if inspect_id(&self.docker, name).await?.as_deref() == Some(&id) {
            return Ok(());
        }
        self.refuse_taken_tag(name, prior_id).await?;
        self.tag(&id, name).await
    }

    async fn tag(&self, id: &str, name: &str) -> Result<(), Fault> {
        let (repo, tag) = split_reference(name);
        let options = TagImageOptions { repo: Some(repo.to_owned()), tag: Some(tag.to_owned()) };
        self.docker
            .tag_image(id, Some(options))
            .await
            .map_err(|e| engine_fault(format!("image {name} could not be tagged"), &e))
    }

    async fn all_tags(&self) -> Result<BTreeSet<String>, Fault> {
        let images = self
            .docker
            .list_images(None::<bollard::query_parameters::ListImagesOptions>)
            .await
            .map_err(|e| engine_fault("images could not be listed", &e))?;
        Ok(images.into_iter().flat_map(|i| i.repo_tags).collect())
    }

    /// A tag on an image that neither is this resource's nor was made by mprov is never moved.
    async fn refuse_taken_tag(&self, name: &str, prior_id: Option<&str>) -> Result<(), Fault> {
        let Some(image) = self.inspect(name).await? else { return Ok(()) };
        if image.id.as_deref() == prior_id || content_of(&image, name).is_some() {
            return Ok(());
        }
        Err(Fault::new(format!("an image named {name} exists already")).detail(format!(
            "It was not made by mprov. Choose another name, remove it (`docker rmi {name}`), or take it over \
             with an `import` block."
        )))
    }
}

/// The attributes with what the engine says about the image.
fn described(attributes: &Object, image: &ImageInspect) -> Object {
    let id = image.id.clone().unwrap_or_default();
    let digest =
        image.repo_digests.iter().flatten().find_map(|d| d.split_once('@').map(|(_, d)| d.to_owned()));
    attributes
        .clone()
        .with("digest", digest.unwrap_or_else(|| id.clone()))
        .with("id", id)
        .with("size", image.size)
}

fn strings(items: impl IntoIterator<Item = String>) -> Value {
    Value::list(items.into_iter().map(Value::from))
}

/// Something that can be untagged: no id and no digest.
fn is_tag(reference: &str) -> bool {
    !reference.starts_with("sha256:") && !reference.contains('@')
}
