use mprov_sdk::Schema;

use super::{availability_zones, image, network, snapshot};

pub fn schemas() -> Vec<Schema> {
    vec![image::schema(), availability_zones::schema(), snapshot::schema(), network::schema()]
}
