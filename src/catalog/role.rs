//! Server roles, and sets of them.
//!
//! In: slugs as written in catalogs and topologies. Out: [`Role`], [`RoleSet`].
//! Must not know: hosts or rows.

use std::fmt;
use std::str::FromStr;

/// What a host is in a deployment. The document names the first eleven; overlays and topologies use all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "each variant is its slug")]
pub enum Role {
    FrontEnd,
    Mediation,
    CentralManagement,
    Director,
    PersistentChat,
    OfficeWebApps,
    FrontEndLoadBalancer,
    DirectorLoadBalancer,
    MediationLoadBalancer,
    Client,
    Phone,
    Edge,
    ReverseProxy,
    Sql,
    DomainController,
    PstnGateway,
    ExchangeUm,
    BranchAppliance,
}

/// Every role and its slug, in the order of the variants.
const SLUGS: &[(Role, &str)] = &[
    (Role::FrontEnd, "front-end"),
    (Role::Mediation, "mediation"),
    (Role::CentralManagement, "central-management"),
    (Role::Director, "director"),
    (Role::PersistentChat, "persistent-chat"),
    (Role::OfficeWebApps, "office-web-apps"),
    (Role::FrontEndLoadBalancer, "front-end-load-balancer"),
    (Role::DirectorLoadBalancer, "director-load-balancer"),
    (Role::MediationLoadBalancer, "mediation-load-balancer"),
    (Role::Client, "client"),
    (Role::Phone, "phone"),
    (Role::Edge, "edge"),
    (Role::ReverseProxy, "reverse-proxy"),
    (Role::Sql, "sql"),
    (Role::DomainController, "domain-controller"),
    (Role::PstnGateway, "pstn-gateway"),
    (Role::ExchangeUm, "exchange-um"),
    (Role::BranchAppliance, "branch-appliance"),
];

impl Role {
    /// The slug used in files and output.
    #[must_use]
    pub fn slug(self) -> &'static str {
        SLUGS.get(self as usize).map_or("", |&(_, slug)| slug)
    }

    /// All roles, in the order of the document.
    pub fn all() -> impl Iterator<Item = Self> {
        SLUGS.iter().map(|&(role, _)| role)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        SLUGS.iter().find(|&&(_, slug)| slug == text).map(|&(role, _)| role).ok_or_else(|| {
            let known: Vec<_> = SLUGS.iter().map(|&(_, slug)| slug).collect();
            format!("unknown role `{text}`; the roles are {}", known.join(", "))
        })
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleSet(u32);

impl RoleSet {
    /// No role.
    pub const EMPTY: Self = Self(0);
    /// The roles that are a person's device, not a server.
    pub const DEVICES: Self = Self(1 << Role::Client as u8 | 1 << Role::Phone as u8);

    /// A set of one.
    #[must_use]
    pub const fn one(role: Role) -> Self {
        Self(1 << role as u8)
    }

    /// Whether no role is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Number of roles.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Adds one.
    pub const fn insert(&mut self, role: Role) {
        self.0 |= 1 << role as u8;
    }

    /// Whether `role` is in it.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    /// Whether any role is in both.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every role of `other` is in it.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Roles of either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Roles of both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Its roles, in the order of the document.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::all().filter(move |&role| self.contains(role))
    }

    /// The slugs, in order.
    #[must_use]
    pub fn slugs(self) -> Vec<&'static str> {
        self.iter().map(Role::slug).collect()
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::EMPTY, |set, role| set.union(Self::one(role)))
    }
}

impl fmt::Display for RoleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.slugs().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_stand_in_the_order_of_the_variants() {
        for (i, &(role, slug)) in SLUGS.iter().enumerate() {
            assert_eq!(role as usize, i, "{slug}");
            assert_eq!(slug.parse(), Ok(role));
            assert_eq!(role.to_string(), slug);
        }
    }

    #[test]
    fn an_unknown_slug_names_the_known_ones() {
        assert!("frontend".parse::<Role>().unwrap_err().contains("front-end, mediation"));
    }

    #[test]
    fn sets_keep_the_document_order() {
        let set: RoleSet = [Role::Edge, Role::FrontEnd].into_iter().collect();
        assert_eq!(set.to_string(), "front-end,edge");
        assert!(set.contains(Role::Edge) && !set.contains(Role::Client) && set.len() == 2);
        assert!(!set.meets(RoleSet::DEVICES) && set.covers(RoleSet::one(Role::Edge)));
    }
}
