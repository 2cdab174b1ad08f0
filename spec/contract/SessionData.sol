// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// SessionData -- who owns a session: the smallest registry that PrivacySettingData can stand on.
/// Rules: spec/contract.md.
contract SessionData {
    /// Zero for a session that nobody registered.
    mapping(uint256 sessionId => address) public sessionOwner;

    /// `from` is zero where the session is new.
    event SessionOwnerChanged(uint256 indexed sessionId, address indexed from, address indexed to);

    error SessionAlreadyRegistered(uint256 sessionId);
    error NotSessionOwner(uint256 sessionId, address caller);
    error ZeroOwner();

    /// Makes the caller the owner of an id that has none.
    function register(uint256 sessionId) external {
        require(sessionOwner[sessionId] == address(0), SessionAlreadyRegistered(sessionId));
        sessionOwner[sessionId] = msg.sender;
        emit SessionOwnerChanged(sessionId, address(0), msg.sender);
    }

    /// By the owner alone.  An owner of zero would free the id for the next who asks: refused.
    function transferSession(uint256 sessionId, address to) external {
        require(sessionOwner[sessionId] == msg.sender, NotSessionOwner(sessionId, msg.sender));
        require(to != address(0), ZeroOwner());
        sessionOwner[sessionId] = to;
        emit SessionOwnerChanged(sessionId, msg.sender, to);
    }
}
